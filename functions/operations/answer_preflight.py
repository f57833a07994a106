"""OPTIONS on every path: CORS preflights."""

from typing import Any  # the gateway's event and answer are its JSON

from shop.http.cors import preflight_headers


def handler(event: dict[str, Any], _context: Any) -> dict[str, Any]:
    """Imports nothing heavy: a browser waits for this before the request that it asks about."""
    headers = {name.lower(): value for name, value in (event.get("headers") or {}).items()}
    return {"statusCode": 204, "headers": preflight_headers(headers.get("origin")), "body": ""}
