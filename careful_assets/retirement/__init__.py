"""Stage 10, retirement: when a release is looked at again, and when it dies."""
