"""Stores of these tests: moto, or with `--dynamodb-local` Amazon's DynamoDB Local."""

import os
from collections.abc import Iterator

import pytest

import shop.clients
from tests.dynamodb_local.process import dynamodb_local
from tests.dynamodb_local.software import NotHere
from tests.support.aws_mock import DYNAMODB_URL


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if not config.getoption("--dynamodb-local"):
        items[:] = [item for item in items if not item.get_closest_marker("dynamodb_local")]


@pytest.fixture(scope="session", autouse=True)
def store(request: pytest.FixtureRequest) -> Iterator[None]:
    if not request.config.getoption("--dynamodb-local"):
        yield
        return
    try:
        with dynamodb_local() as url, pytest.MonkeyPatch.context() as patch:
            patch.setenv(DYNAMODB_URL, url)
            shop.clients.dynamodb.cache_clear()
            yield
        shop.clients.dynamodb.cache_clear()
    except NotHere as missing:
        # CI can install DynamoDB Local, so a skip there is an error.
        if "CI" in os.environ:
            raise
        pytest.exit(f"DynamoDB Local: skipped: {missing}", returncode=0)
