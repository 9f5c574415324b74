"""Who may do what, and what was decided."""
