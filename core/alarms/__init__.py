"""Many measures over many windows become few findings."""
