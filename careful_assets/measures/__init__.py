"""Statistics with their intervals. Pure."""
