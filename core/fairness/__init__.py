"""Are groups treated alike? Rates by group, and the gaps between them."""
