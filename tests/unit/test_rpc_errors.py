"""Errors of REST in the codes of Connect and gRPC, with details of google.rpc."""

import re
from typing import Any

import pytest

from shop import errors
from shop.entrypoints.http import endpoint
from shop.errors import Detail, ShopError
from shop.products.parameters import ProductId
from shop.products.responses import ProductResponse
from shop.rpc.v1.shop_pb2 import GetProductRequest
from tests.support.fixtures import ALICE
from tests.support.gateway_events import Context, event
from tests.support.rpc_calls import CODES, FACES, FRAMED, Outcome, body_of, headers_of, outcome_of
from tests.support.sam_template import ROOT

METHOD = "ProductService/GetProduct"
PEAR = "01900000-0000-7000-8000-0000000000b1"
REQUEST_ID = "11111111-2222-3333-4444-555555555555"
# Each error of the API: code, and status over Connect.
ROWS: dict[type[ShopError], tuple[str, int]] = {
    errors.BadRequest: ("invalid_argument", 400),
    errors.ValidationFailed: ("invalid_argument", 400),
    errors.IdempotencyKeyReused: ("invalid_argument", 400),
    errors.Unauthorized: ("unauthenticated", 401),
    errors.InvalidCredentials: ("unauthenticated", 401),
    errors.CodeRequired: ("unauthenticated", 401),
    errors.InvalidCode: ("unauthenticated", 401),
    errors.LoginTooOld: ("permission_denied", 403),
    errors.Forbidden: ("permission_denied", 403),
    errors.InsufficientScope: ("permission_denied", 403),
    errors.AccountInactive: ("permission_denied", 403),
    errors.NotFound: ("not_found", 404),
    errors.EmailInUse: ("already_exists", 409),
    errors.SkuInUse: ("already_exists", 409),
    errors.InvalidTransition: ("failed_precondition", 400),
    errors.InsufficientStock: ("failed_precondition", 400),
    errors.LastAdmin: ("failed_precondition", 400),
    errors.AuthenticatorExists: ("failed_precondition", 400),
    errors.LimitReached: ("failed_precondition", 400),
    errors.PasskeyExists: ("failed_precondition", 400),
    errors.PublicClient: ("failed_precondition", 400),
    errors.ProductUnavailable: ("failed_precondition", 400),
    errors.CurrencyMismatch: ("failed_precondition", 400),
    errors.PreconditionFailed: ("aborted", 409),
    errors.PayloadTooLarge: ("resource_exhausted", 429),
    errors.UnsupportedMediaType: ("unimplemented", 415),
    errors.TooManyRequests: ("resource_exhausted", 429),
    errors.InternalError: ("internal", 500),
    errors.ServiceUnavailable: ("unavailable", 503),
}
failure: list[Exception] = []


@endpoint("GET /api/products/{productId}", rpc=METHOD)
def fail(product_id: ProductId) -> ProductResponse:
    raise failure[-1]


def call(face: str, error: Exception) -> tuple[int, Outcome, dict[str, str]]:
    failure.append(error)
    given = event(
        f"POST /shop.v1.{METHOD}",
        raw=body_of(face, GetProductRequest(product_id=PEAR)),
        headers=headers_of(face),
        caller=ALICE,
    )
    response = fail(given, Context())
    status, headers = response["statusCode"], response["headers"]
    assert response["isBase64Encoded"] is False
    return status, outcome_of(face, METHOD, status, headers, response["body"].encode()), headers


def test_every_error_of_the_api_has_a_row() -> None:
    assert set(ROWS) == set(ShopError.__subclasses__())


def test_documented_codes_are_those_of_the_errors() -> None:
    text = (ROOT / "docs/rpc.md").read_text()
    documented: dict[str, tuple[str, int]] = {}
    for codes, name, number, status in re.findall(
        r"^\| (`.*) \| `(\w+)` \| (\d+) \| (\d+) \|$", text, re.MULTILINE
    ):
        assert CODES[int(number)] == name
        documented |= dict.fromkeys(re.findall(r"`([A-Z_]+)`", codes), (name, int(status)))

    assert documented == {error.code: row for error, row in ROWS.items()}


@pytest.mark.parametrize("face", FACES)
@pytest.mark.parametrize("error", ROWS, ids=lambda error: error.code)
def test_error_has_its_code_status_and_reason(error: type[ShopError], face: str) -> None:
    code, connect_status = ROWS[error]

    status, outcome, headers = call(face, error())

    is_failure = connect_status in (500, 503)
    assert status == (connect_status if face not in FRAMED or is_failure else 200)
    assert (outcome.code, outcome.text, outcome.reason) == (code, error.message, error.code)
    assert outcome.details.keys() == {"ErrorInfo", "RequestInfo"}
    assert outcome.details["ErrorInfo"].domain == "shop"
    assert outcome.details["RequestInfo"].request_id == headers["X-Request-Id"] == REQUEST_ID
    assert headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("face", FACES)
def test_details_name_the_fields_of_the_message(face: str) -> None:
    details = [
        Detail("body.items.0.productId", "product_unavailable", "No longer sold."),
        Detail("query.limit", "less_than_equal", "Must be at most 100."),
        Detail("body.items", "too_long", "Must have at most 50 items."),
    ]

    _, outcome, _ = call(face, errors.ValidationFailed(details=details))

    violations = outcome.details["BadRequest"].field_violations
    assert [(it.field, it.reason, it.description) for it in violations] == [
        ("items[0].product_id", "PRODUCT_UNAVAILABLE", "No longer sold."),
        ("limit", "LESS_THAN_EQUAL", "Must be at most 100."),
        ("items", "TOO_LONG", "Must have at most 50 items."),
    ]


@pytest.mark.parametrize("face", FACES)
def test_time_to_retry_is_a_detail_and_a_header(face: str) -> None:
    _, outcome, headers = call(face, errors.TooManyRequests(retry_after=7))

    assert outcome.details["RetryInfo"].retry_delay.seconds == 7
    assert headers["Retry-After"] == "7"


@pytest.mark.parametrize("face", FACES)
def test_unhandled_exception_is_internal_without_its_text(face: str) -> None:
    status, outcome, _ = call(face, RuntimeError("a secret"))

    assert (status, outcome.code, outcome.reason) == (500, "internal", "INTERNAL_ERROR")
    assert "secret" not in outcome.text


@pytest.mark.parametrize("face", FRAMED)
def test_many_violations_leave_headers_that_clients_accept(face: str) -> None:
    details = [Detail(f"body.items.{n}.quantity", "missing", "Required. " * 5) for n in range(200)]

    _, outcome, headers = call(face, errors.ValidationFailed(details=details))

    assert 5 < len(outcome.details["BadRequest"].field_violations) < 200
    assert len(headers["Grpc-Status-Details-Bin"]) < 6000


def test_connect_body_has_all_violations() -> None:
    details = [Detail(f"body.items.{n}.quantity", "missing", "Required.") for n in range(200)]

    _, outcome, _ = call("connect-json", errors.ValidationFailed(details=details))

    assert len(outcome.details["BadRequest"].field_violations) == 200


@pytest.mark.parametrize("text", ["Größe: 5 €", "100% of it", "a\nb"])
@pytest.mark.parametrize("face", FRAMED)
def test_message_is_percent_encoded_in_its_header(face: str, text: str) -> None:
    _, outcome, headers = call(face, errors.BadRequest(text))

    assert outcome.text == text
    assert headers["Grpc-Message"].isascii() and headers["Grpc-Message"].isprintable()


def test_log_line_has_the_status_of_rest_and_the_face(log: Any) -> None:
    call("grpc-web", errors.NotFound())

    (line,) = log()
    assert (line["status"], line["face"]) == (404, "grpc-web")
    assert line["route"] == "GET /api/products/{productId}"
