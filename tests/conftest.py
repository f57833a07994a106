"""Fixtures of all tests: the template's settings, and no AWS behind them."""

import io
import json
import logging
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tests.support.deployed_shop import (
    email_worker,
    everyone_stays_logged_in,
    faults,
    mail_faults,
    shop,
    stack,
)
from tests.support.local_only import is_local_only
from tests.support.log_lines import LogLines
from tests.support.sam_template import ROOT, resources, template

__all__ = [
    "email_worker",
    "everyone_stays_logged_in",
    "faults",
    "log",
    "mail_faults",
    "shop",
    "stack",
]

_GIVEN = {
    "ALLOWED_ORIGINS": "https://shop.example,https://admin.example",
    "AWS_ACCESS_KEY_ID": "testing",
    "AWS_SECRET_ACCESS_KEY": "testing",
    "AWS_DEFAULT_REGION": "us-east-1",
    "BCRYPT_COST": "4",
    "HASHING_PER_NETWORK": "20",
    "EMAILS_TO_SEND_QUEUE": "https://sqs.us-east-1.amazonaws.com/123456789012/emails_to_send",
    "JWKS_PARAMETER": "/shop/jwks",
    "LIST_SHARDS": "4",
    "MAX_RECEIVES": "5",
    "MAIL_CONFIGURATION_SET": "shop",
    "LOG_IN_PAGE": "https://shop.example/login",
    "LOG_RETENTION_DAYS": "30",
    "MAIL_FROM": "shop@example.com",
    "PASSKEY_DOMAIN": "localhost",
    "PASSKEY_ORIGINS": "loopback",
    "OAUTH_ISSUER": "https://login.example",
    "AUTHORIZATION_PAGE": "",
    "POWERTOOLS_LOG_LEVEL": "INFO",
    "POWERTOOLS_SERVICE_NAME": "shop",
    "RECOVERY_PAGE": "https://shop.example/recovery",
    "TOKEN_AUDIENCE": "shop-api",
    "TOKEN_CLIENT_ID": "shop",
    "TOKEN_ISSUER": "https://issuer.example",
    "WEBHOOK_TARGETS": "public",
    "WEBHOOKS_TO_SEND_QUEUE": "https://sqs.us-east-1.amazonaws.com/123456789012/webhooks_to_send",
    "UNPUBLISHED_EVENTS_QUEUE": "https://sqs.us-east-1.amazonaws.com/123456789012/unpublished",
}


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--dynamodb-local",
        action="store_true",
        help="keep the tables of tests/repositories in Amazon's DynamoDB Local",
    )
    parser.addoption(
        "--deployed",
        metavar="URL",
        help="run the tests that need only the API against this deployment, as SHOP_ADMIN",
    )
    parser.addoption(
        "--browser", action="store_true", help="run tests/browser, which need Chromium"
    )


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Skip tests/browser unless --browser is given."""
    is_left_out = collection_path == ROOT / "tests/browser" and not config.getoption("--browser")
    return True if is_left_out else None


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Choose and order the tests of this run.

    Files with tests of stacks, which mostly wait, alternate with others, which mostly compute.
    Short ones at the end keep all workers busy. With `--deployed`, run those that need only the
    API, in the given order.
    """
    if config.getoption("--deployed") is not None:
        local = [it for it in items if isinstance(it, pytest.Function) and is_local_only(it)]
        config.hook.pytest_deselected(items=local)
        items[:] = [it for it in items if it not in local]
        return
    folders = [ROOT / "tests" / name for name in ("conformance", "e2e", "local_cloud")]
    files = dict.fromkeys(item.path for item in items)
    of_stacks = [path for path in files if any(map(path.is_relative_to, folders))]
    others = [path for path in files if path not in of_stacks]
    places = {path: place for kind in (of_stacks, others) for place, path in enumerate(kind)}
    items.sort(key=lambda item: (places[item.path], item.path not in of_stacks))


def pytest_configure() -> None:
    # A slow machine must not fail Hypothesis examples or strategies.
    settings.register_profile(
        "any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow]
    )
    settings.load_profile("any machine")
    functions = [
        template()["Globals"]["Function"],
        *resources("AWS::Serverless::Function").values(),
    ]
    for function in functions:
        names = function.get("Environment", {}).get("Variables", {})
        os.environ.update({name: name.lower() for name in names})
    os.environ.update(_GIVEN)
    # Tests never reach a real account, for any shell settings.
    for name in list(os.environ):
        if name.startswith(("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_ENDPOINT_URL")):
            del os.environ[name]


@pytest.fixture(autouse=True)
def no_correlation_id() -> None:
    """Reset the correlation id, so that no test writes items with another request's id."""
    from shop.correlation import correlation_id

    correlation_id.set(None)


@pytest.fixture
def log() -> Iterator[LogLines]:
    """Return the lines logged since the test began."""
    from shop.observability import logger

    stream = io.StringIO()
    handler = logger().registered_handler
    assert isinstance(handler, logging.StreamHandler)
    before = handler.setStream(stream)
    yield lambda: [json.loads(line) for line in stream.getvalue().splitlines()]
    handler.setStream(before)
