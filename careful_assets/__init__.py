"""careful-assets: a Dagster code location in which synthetic text datasets live governed lives."""
