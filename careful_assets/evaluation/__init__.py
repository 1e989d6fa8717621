"""Stage 6, evaluation: kept rows held against the sealed ruler; leaks are struck."""
