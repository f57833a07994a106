"""Codes of the second factor: one-time passwords and recovery codes."""
