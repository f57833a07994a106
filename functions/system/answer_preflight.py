"""OPTIONS on every path: CORS preflights."""

import json
import time
from typing import Any  # the event and the response are JSON

from shop.clock import now, to_text
from shop.http.cors import preflight_headers


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Respond without heavy imports: the browser waits for this before its actual request."""
    began = time.perf_counter()
    headers = {name.lower(): value for name, value in (event.get("headers") or {}).items()}
    request_id = event["requestContext"]["requestId"]
    response_headers = {"X-Request-Id": request_id, **preflight_headers(headers.get("origin"))}
    response = {"statusCode": 204, "headers": response_headers, "body": ""}
    # The logger's format: importing the logger would be most of the cold start.
    line = {
        "level": "INFO",
        "message": "request",
        "timestamp": to_text(now()),
        "request_id": request_id,
        "function_name": context.function_name,
        "route": "OPTIONS /{proxy+}",
        "status": 204,
        "milliseconds": round((time.perf_counter() - began) * 1000, 1),
    }
    print(json.dumps(line))
    return response
