"""Targets of webhooks: the URLs that an endpoint may have.

The rules apply to the text of the URL only. `sending` checks the addresses of the host on each
connection.
"""

import re
from typing import NamedTuple
from urllib.parse import SplitResult, urlsplit

import idna

from shop.config import setting

MAX_URL = 1000  # characters
_HTTPS_PORT = 443
_HOST = re.compile(
    r"(?=.{4,253}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]{0,61}[a-z0-9]"
)
_ANY_HOST = re.compile(r"[a-z0-9.-]{1,253}|[0-9a-f:.]+")  # also an address
# RFC 3986, 3.3 and 3.4
_PATH_AND_QUERY = re.compile(r"(?:[A-Za-z0-9._~!$&'()*+,;=:@/?-]|%[0-9A-Fa-f]{2})*")
# Top-level domains that the Internet does not have: RFC 6761, 7686, 8375, 9476, and ICANN's
# `internal` for private use
_NOT_ON_THE_INTERNET = frozenset(
    ("alt", "arpa", "example", "internal", "invalid", "local", "localhost", "onion", "test")
)


class InvalidTarget(ValueError):
    """The URL cannot be the one of an endpoint; the message is for the client."""


class Target(NamedTuple):
    """The parts of a URL that a request needs."""

    is_tls: bool
    host: str  # an A-label, in lower case
    port: int
    path: str  # with the query

    @property
    def url(self) -> str:
        scheme, default = ("https", _HTTPS_PORT) if self.is_tls else ("http", 80)
        host = f"[{self.host}]" if ":" in self.host else self.host
        port = "" if self.port == default else f":{self.port}"
        return f"{scheme}://{host}{port}{self.path}"


def parse_target(url: str) -> Target:
    """Return the target of a URL, by the rules of this deployment; raise `InvalidTarget`."""
    parse = {"public": public_target, "loopback": loopback_target}[setting("WEBHOOK_TARGETS")]
    target = parse(url)
    # An A-label can be longer than its name.
    if len(target.url) > MAX_URL:
        raise InvalidTarget(f"Must have 1 to {MAX_URL} characters.")
    return target


def public_target(url: str) -> Target:
    """Return the target of an https URL with a host name of the Internet; raise `InvalidTarget`."""
    parts = _split(url)
    if parts.scheme != "https":
        raise InvalidTarget("Must start with https://.")
    if parts.port not in (None, _HTTPS_PORT):
        raise InvalidTarget("Must use port 443.")
    return Target(True, _host_name(parts.hostname or ""), _HTTPS_PORT, _path(parts))


def loopback_target(url: str) -> Target:
    """Return the target of an http or https URL with any host and port; raise `InvalidTarget`.

    For local stacks, which look up no names and connect to 127.0.0.1 only.
    """
    parts = _split(url)
    if parts.scheme not in ("http", "https") or not _ANY_HOST.fullmatch(parts.hostname or ""):
        raise InvalidTarget("Must start with https:// or http://, and have a host.")
    is_tls = parts.scheme == "https"
    assert parts.hostname is not None
    port = parts.port if parts.port is not None else _HTTPS_PORT if is_tls else 80
    return Target(is_tls, parts.hostname, port, _path(parts))


def _split(url: str) -> SplitResult:
    if not 0 < len(url) <= MAX_URL:
        raise InvalidTarget(f"Must have 1 to {MAX_URL} characters.")
    # `urlsplit` drops tabs and line ends anywhere, and blanks at the start.
    if not url.isprintable() or any(map(str.isspace, url)) or "\\" in url:
        raise InvalidTarget("Must not contain blanks, control characters or backslashes.")
    try:
        parts = urlsplit(url)
        is_port_zero = parts.port == 0  # raises ValueError above 65535
    except ValueError:
        raise InvalidTarget("Must be a valid URL.") from None
    if is_port_zero or parts.netloc.endswith(":"):
        raise InvalidTarget("Must be a valid URL.")
    if "@" in parts.netloc:
        raise InvalidTarget("Must not contain a user name or password.")
    if "#" in url:
        raise InvalidTarget("Must not contain a fragment.")
    return parts


def _path(parts: SplitResult) -> str:
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    if not _PATH_AND_QUERY.fullmatch(path):
        raise InvalidTarget("Must have an ASCII path and query, with percent-encoding for others.")
    return path


def _host_name(host: str) -> str:
    """Return the A-label. Addresses are rejected in any notation, since certificates name hosts."""
    try:
        # Maps full-width and circled digits to ASCII digits, so the pattern sees them.
        name = idna.encode(host, uts46=True, std3_rules=True).decode()
    except (idna.IDNAError, UnicodeError):
        raise InvalidTarget("Must have a host name of the Internet.") from None
    if not _HOST.fullmatch(name) or name.rpartition(".")[2] in _NOT_ON_THE_INTERNET:
        raise InvalidTarget("Must have a host name of the Internet.")
    return name
