"""Answers: headers that every answer has, and the one shape of errors."""

import json
import sys
from typing import Any  # what JSON and the SDK's exceptions are made of

from shop.errors import InternalError, ServiceUnavailable, ShopError
from shop.http.cors import EXPOSED_HEADERS, allowed_origin
from shop.http.request import Request
from shop.http.response import Response

_EVERYWHERE = {
    "Strict-Transport-Security": "max-age=63072000; includeSubDomains",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Access-Control-Expose-Headers": EXPOSED_HEADERS,
    "Vary": "Origin",
}
_RETRY_AFTER = 1  # seconds, where a dependency failed and nobody knows better

# botocore's codes of requests that our code should not have made. Every other refusal is the
# dependency's state: it throttles, is denied to us for now, does not know our credentials any more,
# or says what nobody has met yet. That passes or is mended, so who tries again is right.
_OUR_MISTAKES = {
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


def to_gateway(answer: Response, request: Request) -> dict[str, Any]:
    """The proxy response, with what every answer carries."""
    headers = {
        **_EVERYWHERE,
        "X-Request-Id": request.id,
        **allowed_origin(request.headers.get("origin")),
        **({"Content-Type": "application/json"} if answer.body else {}),
        **answer.headers,
    }
    return {
        "statusCode": answer.status,
        "headers": headers,
        "body": answer.body,
        # What is compressed is no text, which bodies are here.
        "isBase64Encoded": "Content-Encoding" in headers,
    }


def error_answer(error: ShopError, request_id: str) -> Response:
    told: dict[str, Any] = {
        "code": error.code,
        "message": error.message,
        "requestId": request_id,
    }
    if error.details:
        told["details"] = [detail._asdict() for detail in error.details]
    headers = {"Cache-Control": "no-store"}
    if error.retry_after is not None:
        headers["Retry-After"] = str(error.retry_after)
    return Response(error.status, headers, json.dumps({"error": told}, ensure_ascii=False))


def as_shop_error(error: Exception) -> ShopError:
    """What a client is told of an exception that nobody expected."""
    # Without the SDK imported no exception can be the SDK's, and importing it costs 150 ms.
    botocore: Any = sys.modules.get("botocore.exceptions")
    if botocore is None:
        return InternalError()
    if isinstance(error, botocore.ClientError):
        answer: Any = error
        code = answer.response.get("Error", {}).get("Code")
        if code in _OUR_MISTAKES:
            return InternalError()
        return ServiceUnavailable(retry_after=_RETRY_AFTER)
    if isinstance(error, botocore.HTTPClientError | botocore.ConnectionError):
        return ServiceUnavailable(retry_after=_RETRY_AFTER)
    return InternalError()
