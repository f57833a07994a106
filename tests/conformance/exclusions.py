"""The only exclusions from schemathesis: failures that are correct behaviour, with reasons."""

import re
from typing import Any  # Any: JSON and request parts

from schemathesis import Case
from schemathesis.core.failures import AcceptedNegativeData, Failure
from schemathesis.core.transport import Response
from schemathesis.openapi.checks import (
    RejectedPositiveData,
    UnsupportedMethodResponse,
    UseAfterFree,
)

from shop.http.request import ENTITY_TAGS_PATTERN, IDEMPOTENCY_KEY_PATTERN
from shop.money import CURRENCIES

# Errors that depend on stored state, for requests that are valid by the schema.
OF_THE_STATE = {"CURRENCY_MISMATCH", "IDEMPOTENCY_KEY_REUSED", "PRODUCT_UNAVAILABLE"}
# The same as details: unlimited stock, excessive stock, excessive totals, an unknown client.
DETAILS_OF_THE_STATE = {"stock_unlimited", "stock_too_large", "total_too_large", "not_registered"}
DETAILS_OF_THE_STATE |= {"invalid_challenge"}  # of a passkey
# Errors of OAuth, whose codes and tokens no schema can express.
OF_THE_PROTOCOL = {"invalid_grant", "invalid_request", "invalid_scope"}
OF_THE_PROTOCOL |= {"unauthorized_client", "unsupported_grant_type"}
SIGN_IN_PAGE = "/oauth/authorize"
# Rules that the document states in prose, since no JSON Schema of one value can express them.
TOLD_IN_WORDS = {
    "amount_precision",  # of a price, by its currency
    "base64url",  # its canonical form: the unused bits of the last character are 0
    "confidential_client",  # of a redirect URI, by the type of the client
    "email",  # the special domains of RFC 6761, such as `.test`, receive no email
    "grant_type_missing",  # one grant type needs another
    "homepage",  # the syntax of hosts
    "invisible_text",  # Unicode categories, which JavaScript patterns lack
    "page_and_cursor",  # two parameters of a query exclude each other
    "page_too_deep",  # their product is limited
    "search_too_short",  # a single letter of a script with case matches too much
    "search_sort",  # one restricts the values of the other
    "password_is_email",
    "password_too_common",
    "password_too_long",  # 72 bytes, whereas JSON Schema counts characters
    "public_client",  # scopes and grant types, by the type of the client
    "redirect_uri_format",
    "redirect_uri_missing",  # a grant type needs one
    "redirect_uri_scheme",  # by the host, too
    "redirect_uri_user",
    "webhook_url",  # hosts of the Internet, ports, and the syntax of paths
}
# The limit spans all lines of one product, which JSON Schema cannot express.
MAX_OF_ONE_PRODUCT = "All lines of one product together may order 999 at most."


def is_included(case: Case[Any]) -> bool:
    """Return whether a case is not redundant.

    Redundant are each of 150 currencies, and PATCH by its second media type with the same schema.
    """
    given = case.body.get("currency") if isinstance(case.body, dict) else None
    is_another_currency = isinstance(given, str) and given in CURRENCIES and given > "AO"
    return not is_another_currency and (case.method, case.media_type) != (
        "PATCH",
        "application/merge-patch+json",
    )


def is_none(failure: Failure, case: Case[Any], response: Response) -> bool:
    """Return whether the failure is correct behaviour."""
    match failure:
        case UnsupportedMethodResponse():
            # API Gateway responds 404 both for an unknown path and for an unknown method.
            return _error(response).get("code") == "NOT_FOUND"
        case UseAfterFree():
            # Orders outlive their user, and admins manage them.
            return case.path.startswith("/api/users/{userId}/orders") and case.method != "POST"
        case AcceptedNegativeData():
            # Errors of the client are redirects to it (RFC 6749, 4.1.2.1).
            is_sign_in = case.path == SIGN_IN_PAGE and response.status_code in (200, 303)
            return is_sign_in or _has_ignored_key(case)
        case RejectedPositiveData() if case.path == SIGN_IN_PAGE:
            # The page without a client that exists, or its redirect URI.
            return response.status_code == 400 and "This link does not work" in response.text
        case RejectedPositiveData() if "errors" in response.json():
            # A document is a text, whose grammar no JSON Schema can express.
            return case.path == "/graphql"
        case RejectedPositiveData() if isinstance(error := response.json()["error"], str):
            return error in OF_THE_PROTOCOL
        case RejectedPositiveData():
            return _is_right(_error(response), case)
    return False


def _is_right(error: dict[str, Any], case: Case[Any]) -> bool:
    headers = case.headers
    match error.get("code"):
        case "VALIDATION_ERROR":
            return all(
                detail["code"] in TOLD_IN_WORDS | DETAILS_OF_THE_STATE
                or detail["message"] == MAX_OF_ONE_PRODUCT
                for detail in error["details"]
            )
        case "BAD_REQUEST" if "cursor" in error["message"]:
            # Only a list can create a valid cursor.
            return "cursor" in case.query
        case "BAD_REQUEST":
            # If the checker finds no text of maxLength, it sends zeros.
            return any(
                name in headers and re.fullmatch(ENTITY_TAGS_PATTERN, headers[name]) is None
                for name in ("If-Match", "If-None-Match")
            )
        case code:
            return code in OF_THE_STATE


def _has_ignored_key(case: Case[Any]) -> bool:
    """Return whether a document, which may be a query, has a malformed key: queries ignore it."""
    headers: Any = case.headers
    key = headers.get("Idempotency-Key")
    is_malformed = key is not None and not re.fullmatch(IDEMPOTENCY_KEY_PATTERN, str(key))
    return case.path == "/graphql" and is_malformed


def _error(response: Response) -> dict[str, Any]:
    error: dict[str, Any] = response.json()["error"]
    return error
