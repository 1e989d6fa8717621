"""Stage 2, purpose: which gap is filled, for which use, and the answers to CAREFUL."""
