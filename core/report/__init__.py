"""What leaves Plumbline: tables and reports for people elsewhere."""
