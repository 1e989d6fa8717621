"""Leaks by text: sealed rows are the index, other rows stream by; one detector a file, one verdict of all.

Belongs here: everything that may see sealed texts while rows are held against them. It answers in places and numbers,
never in texts. Does not belong here: the vault, which lends its texts to this package alone (`warehouse.vault_probe`),
what is struck and what must hold of it (the evaluation room).
"""
