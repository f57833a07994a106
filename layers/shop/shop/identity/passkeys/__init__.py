"""Passkeys: registration and login by WebAuthn (Level 3), without CBOR."""
