"""Lineage: where what a dataset holds came from, table by table and column by column, as a graph and as events."""
