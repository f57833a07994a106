"""Signing keys: stored, rotated and published."""
