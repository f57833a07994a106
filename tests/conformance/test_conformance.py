"""Conformance of the deployed stack to the OpenAPI document, under generated requests."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conformance.running import run
from tests.support.deployed_shop import DeployedShop
from tests.support.request_rate import HASHING_PER_SECOND

SEED = "20261123"
# Of 30 operations; some need emailed tokens or ids of other users.
MIN_SERVED = {"admin": 21, "ada": 7}


@pytest.fixture(autouse=True)
def tidy(shop: DeployedShop) -> Iterator[None]:
    """Leave one admin and no rate-limited user to later tests."""
    yield
    shop.delete_other_admins()
    shop.forget_attempts()


@pytest.mark.parametrize(
    ("sender", "phases", "examples"),
    [
        ("admin", "examples,coverage,fuzzing,stateful", "2"),
        # Coverage passes for ada too, but adds 1,200 requests, more than fit into 90 s.
        ("ada", "examples,fuzzing,stateful", "2"),
    ],
)
def test_every_response_conforms_to_the_document(
    shop: DeployedShop, tmp_path: Path, sender: str, phases: str, examples: str
) -> None:
    report = tmp_path / "report.json"

    done = run(
        *(shop.url, shop.admin_account, sender, "run"),
        *("--phases", phases, "--max-examples", examples, "--seed", SEED),
        *("--report", "json", "--report-json-path", str(report)),
        quiet=True,
        rate=None if shop.rate is None else HASHING_PER_SECOND,
    )

    assert done.returncode == 0, done.stdout + done.stderr
    results = json.loads(report.read_text())
    assert results["operations"]["tested"] == results["operations"]["total"]
    served = [
        operation
        for operation, phases in results["valid_rates"].items()
        if any(phase["accepted"] for phase in phases.values())
    ]
    assert len(served) >= MIN_SERVED[sender], f"too little was let in to tell: {served}"
