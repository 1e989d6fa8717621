"""Finding rows on record and telling of them: what trace, find and audit share, and their words."""
