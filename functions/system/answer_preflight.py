"""Requests that match no route: CORS preflights get their headers, all others 404."""

import json
import time
from typing import Any  # the event and the response are JSON

from shop.clock import now, to_text
from shop.http.cors import preflight_headers


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Respond without heavy imports: the browser waits for this before its actual request."""
    began = time.perf_counter()
    is_preflight = event["httpMethod"] == "OPTIONS"
    response = _preflight(event) if is_preflight else _not_found(event)
    # The logger's format: importing the logger would be most of the cold start.
    line = {
        "level": "INFO",
        "message": "request",
        "timestamp": to_text(now()),
        "request_id": event["requestContext"]["requestId"],
        "function_name": context.function_name,
        "route": "OPTIONS /{proxy+}" if is_preflight else "ANY /{proxy+}",
        "status": response["statusCode"],
        "milliseconds": round((time.perf_counter() - began) * 1000, 1),
    }
    print(json.dumps(line))
    return response


def _preflight(event: dict[str, Any]) -> dict[str, Any]:
    headers = {name.lower(): value for name, value in (event.get("headers") or {}).items()}
    request_id = {"X-Request-Id": event["requestContext"]["requestId"]}
    cors = preflight_headers(headers.get("origin"), event["path"])
    return {"statusCode": 204, "headers": request_id | cors, "body": ""}


def _not_found(event: dict[str, Any]) -> dict[str, Any]:
    # Preflights do not need these imports, which would double their cold start.
    from shop.errors import NotFound
    from shop.http.rendering import error_response, to_gateway
    from shop.http.request import Request

    request = Request(event)
    return to_gateway(error_response(NotFound(), request.id), request)
