"""Which pages of other origins may call and read: the CORS protocol of the Fetch standard."""

from shop.config import setting

EXPOSED_HEADERS = "ETag, Location, Link, Retry-After, X-Request-Id, Idempotent-Replayed"

_PREFLIGHT = {
    "Access-Control-Allow-Headers": (
        "Authorization, Content-Type, Idempotency-Key, If-Match, If-None-Match"
    ),
    "Access-Control-Allow-Methods": "GET, POST, PUT, PATCH, DELETE",
    "Access-Control-Max-Age": "7200",  # seconds; no browser keeps it longer
    "Vary": "Origin",
}


def allowed_origin(origin: str | None) -> dict[str, str]:
    """The header that lets a page of this origin read the answer; none for other origins."""
    allowed = setting("ALLOWED_ORIGINS").split(",")
    if "*" in allowed:
        return {"Access-Control-Allow-Origin": "*"}
    return {"Access-Control-Allow-Origin": origin} if origin and origin in allowed else {}


def preflight_headers(origin: str | None) -> dict[str, str]:
    return {**_PREFLIGHT, **allowed_origin(origin)}
