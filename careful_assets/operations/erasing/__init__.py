"""The steps of an erasure; `operations.erase` takes them in order."""
