"""Stage 8, release: immutable, versioned folders of rows, provenance and rejects."""
