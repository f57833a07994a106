"""Redirect URIs: where the browser returns to a client, with a code (RFC 6749, 3.1.2).

A public client runs on the user's machine, so it may also use a loopback address or a private
scheme (RFC 8252, 7).
"""

import re
from urllib.parse import SplitResult, urlsplit

MAX_LENGTH = 500  # characters
_MAX_PORT = 65535
_VISIBLE_ASCII = re.compile(r"[\x21-\x7e]+")
_HOST = re.compile(r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?|[0-9a-f:.]+")
_PRIVATE_SCHEME = re.compile(r"[a-z][a-z0-9+-]*(\.[a-z0-9+-]+)+")  # a reversed domain name
_LOOPBACK_HOSTS = ("127.0.0.1", "::1", "localhost")
# Loopback addresses are equal if only their ports differ (RFC 8252, 7.3)
_LOOPBACK_ADDRESS = re.compile(
    r"(http://(?:127\.0\.0\.1|\[::1\]))(?::(?P<port>[1-9][0-9]{0,4}))?(?P<path>/.*)?"
)

type Violation = tuple[str, str]  # code and message


def https_violation(uri: str) -> str | None:
    """Return why this is no `https` URI with a host, or None."""
    parts = _split(uri)
    is_valid = parts is not None and _is_https(parts) and "@" not in parts.netloc
    return None if is_valid else f"Must be an https URI of at most {MAX_LENGTH} ASCII characters."


def redirect_violation(uri: str) -> Violation | None:
    """Return the error of a redirect URI that no client may register, or None."""
    parts = _split(uri)
    if parts is None or not parts.scheme:
        message = f"Must be an absolute URI of at most {MAX_LENGTH} ASCII characters."
        return "redirect_uri_format", message
    if "#" in uri:
        return "redirect_uri_fragment", "Must have no fragment."
    if "?" in uri:
        # Some clients omit it at the token endpoint, where the URI must be the same.
        return "redirect_uri_query", "Must have no query."
    if "*" in uri:
        return "redirect_uri_wildcard", "Must have no wildcard: each URI is compared as a whole."
    if "@" in parts.netloc:
        return "redirect_uri_user", "Must have no user name or password."
    if not (_is_https(parts) or _is_loopback(parts) or _is_private(parts)):
        return "redirect_uri_scheme", (
            "Must be https, or for a public client http on a loopback address or a private scheme "
            "with a dot, such as com.example.app:/callback."
        )
    return None


def needs_public_client(uri: str) -> bool:
    """Return whether only a public client may register it."""
    return not _is_https(urlsplit(uri))


def is_assured(uri: str) -> bool:
    """Return whether only the client's own server can receive what is sent there."""
    return _is_https(urlsplit(uri))


def matches(registered: str, sent: str) -> bool:
    """Return whether they are equal; of a loopback address the port may differ (RFC 8252, 7.3)."""
    if registered == sent:
        return True
    # Not by `urlsplit`, which reads several spellings as one.
    ours, theirs = _LOOPBACK_ADDRESS.fullmatch(registered), _LOOPBACK_ADDRESS.fullmatch(sent)
    if ours is None or theirs is None or int(theirs["port"] or 80) > _MAX_PORT:
        return False
    return ours.group(1, "path") == theirs.group(1, "path")


def _split(uri: str) -> SplitResult | None:
    """Split the URI; return None for a malformed one."""
    if len(uri) > MAX_LENGTH or not _VISIBLE_ASCII.fullmatch(uri) or "\\" in uri:
        return None
    try:
        parts = urlsplit(uri)
        port = parts.port  # raises ValueError above 65535
    except ValueError:
        return None
    return None if port == 0 else parts


def _is_https(parts: SplitResult) -> bool:
    return parts.scheme == "https" and _has_host(parts)


def _is_loopback(parts: SplitResult) -> bool:
    return parts.scheme == "http" and parts.hostname in _LOOPBACK_HOSTS


def _is_private(parts: SplitResult) -> bool:
    return _PRIVATE_SCHEME.fullmatch(parts.scheme) is not None


def _has_host(parts: SplitResult) -> bool:
    return parts.hostname is not None and _HOST.fullmatch(parts.hostname) is not None
