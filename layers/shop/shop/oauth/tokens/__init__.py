"""The tokens of OAuth clients: issued, refreshed, revoked and inspected."""
