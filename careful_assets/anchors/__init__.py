"""Stage 1, anchors: the real rows that hold a dataset to the world, dealt out by group, the ruler sealed."""
