"""Speed, measured beside what else one would use: the same work in the same run, so that only ratios have to be believed."""
