"""Texts made comparable: normal forms, words, n-grams and shingles. Pure."""
