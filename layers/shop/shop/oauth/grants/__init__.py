"""Grants: what users allow OAuth clients, and the tokens that follow from it."""
