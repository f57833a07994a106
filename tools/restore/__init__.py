"""Restore of lost or damaged items from a point-in-time copy of a table."""
