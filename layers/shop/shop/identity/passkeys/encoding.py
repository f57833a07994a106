"""base64url without padding (RFC 4648, 5), in its canonical form only."""

from base64 import urlsafe_b64decode, urlsafe_b64encode


def to_text(raw: bytes) -> str:
    return urlsafe_b64encode(raw).rstrip(b"=").decode()


def to_bytes(text: str) -> bytes:
    """Decode the canonical encoding; raise ValueError for any other text."""
    raw = urlsafe_b64decode(text + "=" * (-len(text) % 4))
    if to_text(raw) != text:
        raise ValueError("not canonical base64url")
    return raw
