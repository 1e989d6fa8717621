"""Gates of a dataset's own: SQL queries, Great Expectations suites and Python entry points, as the card names them."""
