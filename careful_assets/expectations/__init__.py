"""Users' own Great Expectations suites over rows: the contract of anchors, and gates of a dataset's own."""
