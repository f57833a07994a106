"""Numbered migrations of stored data during live traffic."""
