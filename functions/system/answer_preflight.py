"""OPTIONS on every path: CORS preflights."""

import json
import time
from typing import Any  # the gateway's event and answer are its JSON

from shop.clock import now, to_text
from shop.http.cors import preflight_headers


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Imports nothing heavy: a browser waits for this before the request that it asks about."""
    began = time.perf_counter()
    headers = {name.lower(): value for name, value in (event.get("headers") or {}).items()}
    request_id = event["requestContext"]["requestId"]
    told = {"X-Request-Id": request_id, **preflight_headers(headers.get("origin"))}
    answer = {"statusCode": 204, "headers": told, "body": ""}
    # As the logger would say it, whose import would be most of a cold start.
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
    return answer
