"""What serving systems write, turned into records; rows that don't fit are set aside with a reason."""
