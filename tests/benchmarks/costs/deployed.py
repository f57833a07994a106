"""The shop as deployed, with the resources of its functions."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import shop.clients
from tests.benchmarks.costs import streams
from tests.benchmarks.costs.scenario import fill_shop
from tests.benchmarks.costs.services import services
from tests.benchmarks.peers import build
from tests.conftest import pytest_configure
from tests.dynamodb_local.process import dynamodb_local
from tests.support.aws_mock import DYNAMODB_URL, fresh_aws
from tests.support.sam_template import template


@dataclass(frozen=True)
class Deployed:
    built: dict[str, build.Built]  # by logical id
    runtime: Path
    environment: dict[str, str]
    dynamodb_url: str


@contextmanager
def deployed() -> Iterator[Deployed]:
    pytest_configure()
    os.environ |= {
        "BCRYPT_COST": str(template()["Parameters"]["BcryptCost"]["Default"]),
        "ORDERING": "on",
        "SIGN_UP": "on",
        "AWS_REGION": "us-east-1",
    }
    with dynamodb_local() as url, services() as endpoints:
        os.environ[DYNAMODB_URL] = url
        shop.clients.dynamodb.cache_clear()
        with fresh_aws():
            streams.enable()
            fill_shop()
            environment = {
                name: text
                for name, text in os.environ.items()
                if name.isupper() and not name.startswith(("PYTHON", "PYTEST", "UV", "MAKE"))
            }
            yield Deployed(build.build_functions(), build.runtime(), environment | endpoints, url)
