"""Projections: totals by status and search rows, derived from users, orders and products."""
