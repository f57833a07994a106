"""Logged exceptions contain no user input."""

import json
import logging
from collections.abc import Callable
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from pydantic import BaseModel

from shop.entrypoints.http import endpoint
from shop.entrypoints.operation import operation
from shop.entrypoints.stream import stream_worker
from shop.errors import EmailInUse
from shop.http.response_models import ResponseModel
from shop.observability import logger
from shop.redaction import SanitizedError, safe_message
from shop.users.requests import UserCreate
from tests.support.gateway_events import Context, event
from tests.support.log_lines import LogLines
from tests.support.sam_template import ROOT, template

SECRET = "hunter2-" + "planted"  # concatenated, since tracebacks show the source line


class Loose(BaseModel):
    """An error that quotes its input, unlike our own."""

    number: int


class Done(ResponseModel):
    text: str = "done"


def pydantic_quotes() -> None:
    Loose.model_validate({"number": SECRET})


def pydantic_names_an_unknown_field() -> None:
    UserCreate.model_validate({SECRET: 1})


def botocore_quotes_a_parameter() -> None:
    boto3.client("dynamodb").get_item(TableName="users", Key={"id": SECRET})


def botocore_quotes_a_response() -> None:
    response: Any = {"Error": {"Code": "MessageRejected", "Message": f"{SECRET} is not verified"}}
    raise ClientError(response, "SendEmail")


def python_quotes() -> None:
    int(SECRET)


def a_key_is_the_message() -> None:
    dict[str, str]()[SECRET]


def the_cause_quotes() -> None:
    try:
        python_quotes()
    except ValueError as error:
        raise RuntimeError("no number") from error


def the_context_quotes() -> None:
    try:
        python_quotes()
    except ValueError:
        raise RuntimeError("no number")  # noqa: B904 (the context is under test)


def a_note_quotes() -> None:
    error = ValueError("no")
    error.add_note(SECRET)
    raise error


QUOTING = [
    pydantic_quotes,
    pydantic_names_an_unknown_field,
    botocore_quotes_a_parameter,
    botocore_quotes_a_response,
    python_quotes,
    a_key_is_the_message,
    the_cause_quotes,
    the_context_quotes,
    a_note_quotes,
]
each = pytest.mark.parametrize("fails", QUOTING, ids=lambda fails: fails.__name__)


def assert_logged_without_input(log: LogLines, fails: Callable[[], None]) -> None:
    lines = log()
    assert SECRET not in json.dumps(lines)
    assert any(fails.__name__ in line.get("exception", "") for line in lines)


@each
def test_exception_is_logged_with_its_trace_and_without_input(
    log: LogLines, fails: Callable[[], None]
) -> None:
    @endpoint("GET /api/open")
    def handler() -> Done:
        fails()
        return Done()

    handler(event("GET /api/open"), Context())

    assert_logged_without_input(log, fails)


@each
def test_exception_raised_to_lambda_contains_no_input(
    log: LogLines, fails: Callable[[], None]
) -> None:
    def work(*_: Any) -> Any:
        fails()

    for edge in (operation(work), stream_worker(work)):
        with pytest.raises(SanitizedError) as raised:
            edge({"Records": []}, Context())

        assert SECRET not in str(raised.value)
    assert_logged_without_input(log, fails)


def test_cause_of_an_exception_is_logged_first(log: LogLines) -> None:
    try:
        the_cause_quotes()
    except RuntimeError:
        logger().exception("failed")

    (line,) = log()
    first, second = line["exception"].split("\n\n")
    assert "in python_quotes" in first and first.endswith("ValueError")
    assert "in the_cause_quotes" in second and second.endswith("RuntimeError")
    assert line["exception_name"] == "RuntimeError"


@pytest.mark.parametrize("fails", [python_quotes, botocore_quotes_a_response, the_cause_quotes])
def test_local_cloud_logs_messages_of_exceptions(
    log: LogLines, fails: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOG_EXCEPTION_MESSAGES", "true")
    try:
        fails()
    except Exception as error:
        logger().exception("failed")
        message = safe_message(error)

    (line,) = log()
    assert SECRET in line["exception"]
    assert line["exception"].endswith(message)


def test_no_deployment_logs_messages_of_exceptions() -> None:
    """Only the emulator of `make run` sets the variable, so no parameter can enable it."""
    assert "LOG_EXCEPTION_MESSAGES" not in json.dumps(template())
    assert "LOG_EXCEPTION_MESSAGES" not in (ROOT / "samconfig.toml").read_text()


def test_own_messages_and_error_codes_are_logged() -> None:
    with pytest.raises(ClientError) as rejection:
        botocore_quotes_a_response()
    with pytest.raises(ValueError) as invalid:
        UserCreate.model_validate({SECRET: 1, "email": "no"})

    assert safe_message(rejection.value) == "ClientError: SendEmail MessageRejected"
    assert safe_message(invalid.value) == (
        "ValidationError: email email, name missing, password missing, extra_forbidden"
    )
    assert safe_message(EmailInUse()) == "EmailInUse: This email address is already in use."


def test_sdk_logs_no_input_at_any_log_level(
    log: LogLines,
) -> None:
    root = logging.getLogger()
    root.setLevel(logging.DEBUG)
    logger.cache_clear()

    logger()

    assert not logging.getLogger("botocore.endpoint").isEnabledFor(logging.INFO)
