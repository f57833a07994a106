"""The one place where schemathesis is told to look away: which failures are none, each with why."""

import re
from typing import Any  # what JSON and requests are made of

from schemathesis import Case
from schemathesis.core.failures import Failure
from schemathesis.core.transport import Response
from schemathesis.openapi.checks import (
    RejectedPositiveData,
    UnsupportedMethodResponse,
    UseAfterFree,
)

from shop.http.request import ENTITY_TAGS_PATTERN
from shop.money import CURRENCIES

# Refusals of requests that are valid each by itself: they depend on what is stored.
OF_THE_STATE = {"CURRENCY_MISMATCH", "IDEMPOTENCY_KEY_REUSED", "PRODUCT_UNAVAILABLE"}
# The same, as details: a stock that is unlimited, or would be too much, and prices that add up.
DETAILS_OF_THE_STATE = {"stock_unlimited", "stock_too_large", "total_too_large"}
# Rules that the document tells in words, since no JSON Schema of one value can.
TOLD_IN_WORDS = {
    "amount_precision",  # of a price, by its currency
    "email",  # of the special domains of RFC 6761, `.test` for one, none gets mail
    "invisible_text",  # of Unicode's categories, which patterns of JavaScript do not share
    "page_and_cursor",  # two parameters of a query exclude each other
    "page_too_deep",  # their product has an end
    "search_too_short",  # a letter of the scripts that know capitals finds too much alone
    "search_sort",  # one leaves the other fewer values
    "password_is_email",
    "password_too_common",
    "password_too_long",  # 72 bytes, where JSON Schema counts characters
}
# All lines of one product together, of which no schema knows.
MAX_OF_ONE_PRODUCT = "All lines of one product together may order 999 at most."


def is_wanted(case: Case[Any]) -> bool:
    """Not what is as good as another: each of 150 currencies, and PATCH by its second media type,
    whose schema is the same.
    """
    given = case.body.get("currency") if isinstance(case.body, dict) else None
    is_another_currency = isinstance(given, str) and given in CURRENCIES and given > "AO"
    return not is_another_currency and (case.method, case.media_type) != (
        "PATCH",
        "application/merge-patch+json",
    )


def is_none(failure: Failure, case: Case[Any], response: Response) -> bool:
    """Whether what the checker calls a failure is as it should be."""
    match failure:
        case UnsupportedMethodResponse():
            # API Gateway does not tell a path with other methods from no path: both are 404.
            return _error(response).get("code") == "NOT_FOUND"
        case UseAfterFree():
            # Orders outlast who placed them, and admins see to them.
            return case.path.startswith("/api/users/{userId}/orders") and case.method != "POST"
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
            # Only a list itself makes a cursor of it.
            return "cursor" in case.query
        case "BAD_REQUEST":
            # Where the checker finds no text as long as maxLength allows, it sends zeros.
            return any(
                name in headers and re.fullmatch(ENTITY_TAGS_PATTERN, headers[name]) is None
                for name in ("If-Match", "If-None-Match")
            )
        case code:
            return code in OF_THE_STATE


def _error(response: Response) -> dict[str, Any]:
    error: dict[str, Any] = response.json()["error"]
    return error
