"""Embedders: texts as directions, so that likeness beyond writing is a cosine.

Belongs here: the protocol, the embedders that run on this machine, and the search among what they give. Does not
belong here: the embedder that calls an endpoint and the choice of one by a card (`llm.embeddings`), and what a
likeness decides.
"""
