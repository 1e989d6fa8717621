"""Sorting a file without provenance; `operations.inherit` is the command."""
