"""Shadowed: a function's own module of this name comes first."""
