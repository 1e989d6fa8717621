"""Where anchors come from: one reader a kind of source, opened by `opening`, judged row by row in `rows`."""
