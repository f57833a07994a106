"""Email: notifications about events, each sent once."""
