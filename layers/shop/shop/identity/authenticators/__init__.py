"""Authenticators of a user: the app of the second factor, and passkeys."""
