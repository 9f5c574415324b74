"""What every analysis shares: bins, distances, tests and intervals."""
