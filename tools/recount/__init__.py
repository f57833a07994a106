"""Comparison of totals, entity rows and search rows with the tables."""
