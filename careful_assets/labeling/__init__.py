"""The room of labeling: judges confirm prompted labels or do not."""
