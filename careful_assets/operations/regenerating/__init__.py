"""Rebuilding rows from their records; `operations.regenerate` is the command."""
