"""OAuth 2.0: third-party applications that act for users or for themselves."""
