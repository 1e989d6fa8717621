"""Where anchors come from: one reader a kind of source, all giving the same five columns."""
