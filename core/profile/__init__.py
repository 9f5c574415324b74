"""Records boiled down to count tables per batch, window, version, segment and column."""
