"""Who watches: the status view and what is read from it."""
