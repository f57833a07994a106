"""Deterministic users, products and orders in any number."""
