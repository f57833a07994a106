"""Claims about users (OpenID Connect Core, 5.3)."""
