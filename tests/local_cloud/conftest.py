"""The tiny stack, started once for all tests that do not change it."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from tests.support.waiting import HANG_SECONDS
from tools.local_cloud.stack import LocalStack

TINY = Path(__file__).with_name("tiny")


@pytest.fixture(scope="session")
def tiny_project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the project, which tests may edit."""
    project = tmp_path_factory.mktemp("tiny") / "project"
    shutil.copytree(TINY, project, ignore=shutil.ignore_patterns("__pycache__"))
    return project


@pytest.fixture(scope="session")
def stack(tiny_project: Path) -> Iterator[LocalStack]:
    with LocalStack(tiny_project.with_name("home"), project=tiny_project) as started:
        yield started


@pytest.fixture(scope="session")
def api(stack: LocalStack) -> Iterator[httpx2.Client]:
    with httpx2.Client(base_url=stack.url, timeout=HANG_SECONDS, trust_env=False) as client:
        yield client
