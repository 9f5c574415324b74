"""Two versions side by side on the same rows: what gets better, what gets worse, and for whom."""
