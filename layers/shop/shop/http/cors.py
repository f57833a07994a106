"""CORS headers (Fetch standard): the origins whose pages may call the API."""

import re

from shop.config import setting

EXPOSED_HEADERS = (
    "ETag, Location, Link, Retry-After, X-Request-Id, Idempotent-Replayed, "
    "Content-Disposition, Grpc-Status, Grpc-Message, Grpc-Status-Details-Bin"
)

_PREFLIGHT = {
    "Access-Control-Allow-Headers": (
        "Authorization, Content-Type, Idempotency-Key, If-Match, If-None-Match, "
        "Connect-Protocol-Version, Connect-Timeout-Ms, Grpc-Timeout, X-Grpc-Web, X-User-Agent"
    ),
    "Access-Control-Allow-Methods": "GET, POST, PUT, PATCH, DELETE",
    "Access-Control-Max-Age": "7200",  # seconds; no browser caches a preflight longer
    "Vary": "Origin",
}

# Apps of any origin exchange codes and read public keys. They send no cookies.
_ANY_ORIGIN = ("/oauth/token", "/oauth/revoke", "/oauth/userinfo", "/.well-known/")
_NO_ORIGIN = "/oauth/authorize"  # a page, which no script of another origin may read

# In ALLOWED_ORIGINS: every origin of the developer's own machine. template.yaml rejects it outside
# the local stage.
LOOPBACK = "loopback"
# The whole origin, as RFC 6454 section 6.2 serializes it: any domain may begin with `localhost`.
_LOOPBACK_ORIGIN = r"https?://(localhost|127\.0\.0\.1|\[::1\])(:[0-9]{1,5})?"


def allowed_origin(origin: str | None, path: str) -> dict[str, str]:
    """Return the header that allows pages of this origin to read the response, or no header.

    `path` is below the stage.
    """
    if path.startswith(_NO_ORIGIN):
        return {}
    allowed = setting("ALLOWED_ORIGINS").split(",")
    if "*" in allowed or path.startswith(_ANY_ORIGIN):
        return {"Access-Control-Allow-Origin": "*"}
    if origin and (origin in allowed or (LOOPBACK in allowed and _is_loopback(origin))):
        return {"Access-Control-Allow-Origin": origin}
    return {}


def preflight_headers(origin: str | None, path: str) -> dict[str, str]:
    return {**_PREFLIGHT, **allowed_origin(origin, path)}


def _is_loopback(origin: str) -> bool:
    return re.fullmatch(_LOOPBACK_ORIGIN, origin) is not None
