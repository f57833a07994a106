"""Identity: accounts, sessions, access tokens, keys, login attempts and recovery."""
