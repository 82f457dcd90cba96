"""What the programs that answer over HTTP share: the assets and looks of their pages, their headers, and their metrics."""
