"""Retraining: which records a model may learn from, how it is fitted, and the file it is kept in."""
