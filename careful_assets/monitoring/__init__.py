"""Stage 9, monitoring: the frozen slices, read for the newest release."""
