"""Tests of careful_assets, laid out as the package is."""
