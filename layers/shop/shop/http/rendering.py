"""Rendering of responses: the common headers, and the one shape of errors."""

import json
import sys
from typing import Any  # JSON, and the SDK's exceptions

from shop.errors import InternalError, ServiceUnavailable, ShopError
from shop.http.cors import EXPOSED_HEADERS, allowed_origin
from shop.http.request import Request
from shop.http.response import Response

COMMON_HEADERS = {
    "Strict-Transport-Security": "max-age=63072000; includeSubDomains",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Access-Control-Expose-Headers": EXPOSED_HEADERS,
    "Vary": "Origin",
}
_RETRY_AFTER = 1  # seconds after the failure of a dependency

# botocore's codes of requests that are bugs of ours. Every other error is a state of the
# dependency, such as throttling, missing permissions or expired credentials: it passes or gets
# repaired, so the client may retry.
_OUR_BUGS = {
    "ConditionalCheckFailedException",
    "IdempotentParameterMismatchException",
    "InvalidParameterException",
    "InvalidParameterValue",
    "InvalidRequestException",
    "ItemCollectionSizeLimitExceededException",
    "SerializationException",
    "TransactionCanceledException",
    "UnsupportedOperation",
    "ValidationException",
}


def to_gateway(response: Response, request: Request) -> dict[str, Any]:
    """Return the proxy response, with the common headers."""
    path = request.event["path"]  # below the stage
    headers = {
        **COMMON_HEADERS,
        "X-Request-Id": request.id,
        **allowed_origin(request.headers.get("origin"), path),
        # RFC 6749, 5.1
        **({"Pragma": "no-cache"} if path.startswith("/oauth/") else {}),
        **({"Content-Type": "application/json"} if response.body else {}),
        **response.headers,
    }
    return {
        "statusCode": response.status,
        "headers": headers,
        "body": response.body,
        # Compressed bodies are in base64; all others are text.
        "isBase64Encoded": "Content-Encoding" in headers,
    }


def error_response(error: ShopError, request_id: str) -> Response:
    fields: dict[str, Any] = {
        "code": error.code,
        "message": error.message,
        "requestId": request_id,
    }
    if error.details:
        fields["details"] = [detail._asdict() for detail in error.details]
    headers = {"Cache-Control": "no-store"}
    if error.retry_after is not None:
        headers["Retry-After"] = str(error.retry_after)
    return Response(error.status, headers, json.dumps({"error": fields}, ensure_ascii=False))


def as_shop_error(error: Exception) -> ShopError:
    """Return the error that represents an unhandled exception to clients."""
    # Importing the SDK costs 150 ms, and without it no exception can be the SDK's.
    botocore: Any = sys.modules.get("botocore.exceptions")
    if botocore is None:
        return InternalError()
    if isinstance(error, botocore.ClientError):
        failure: Any = error
        code = failure.response.get("Error", {}).get("Code")
        if code in _OUR_BUGS:
            return InternalError()
        return ServiceUnavailable(retry_after=_RETRY_AFTER)
    if isinstance(error, botocore.HTTPClientError | botocore.ConnectionError):
        return ServiceUnavailable(retry_after=_RETRY_AFTER)
    return InternalError()
