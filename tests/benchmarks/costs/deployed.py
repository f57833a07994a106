"""The shop as it would be deployed, and what its functions find there."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import shop.clients
from tests.aws import DYNAMODB_URL, fresh_aws
from tests.benchmarks.costs import streams
from tests.benchmarks.costs.scenario import fill_shop
from tests.benchmarks.costs.services import services
from tests.benchmarks.peers import build
from tests.benchmarks.peers.cases import CASES
from tests.conftest import pytest_configure
from tests.dynamodb_local.process import dynamodb_local
from tests.template import ROOT, functions, resources, template


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
            yield Deployed(_packages(), build.runtime(), environment | endpoints, url)


def _packages() -> dict[str, build.Built]:
    """By logical id; in one folder, as no two have the same file's name."""
    ours = next(case for case in CASES if case.is_ours and not case.apps)
    task = build.HOME / "costs"
    shutil.rmtree(task, ignore_errors=True)
    task.mkdir(parents=True)
    for function in functions():
        shutil.copy(function.path, task)
    of_all = replace(build.build(ours), task=task)
    of_signers = replace(of_all, layers=(*of_all.layers, _signing_layer()))
    described = resources("AWS::Serverless::Function")
    return {
        name: of_signers if {"Ref": "SigningLayer"} in it.get("Layers", []) else of_all
        for name, it in described.items()
    }


def _signing_layer() -> Path:
    artefacts = build.HOME / "SigningLayer"
    shutil.rmtree(artefacts, ignore_errors=True)
    subprocess.run(
        [
            *("make", "--silent", "-C", str(ROOT / "layers/dependencies"), "build-SigningLayer"),
            *(f"ARTIFACTS_DIR={artefacts}", f"ARCHITECTURE={build.MACHINE}"),
        ],
        check=True,
        env=os.environ | {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"},
    )
    return artefacts / "python"
