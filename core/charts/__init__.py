"""Results drawn: each function gives a figure and its words, for the dashboard and for reports."""
