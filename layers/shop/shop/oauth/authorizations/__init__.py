"""Authorizations: a user allows a client, which gets a code (RFC 6749, 4.1)."""
