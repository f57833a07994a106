"""Conformance of the deployed stack to the OpenAPI document, under generated requests."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conformance.running import run
from tests.support.deployed_shop import Shop

SEED = "20261123"
# Of 30 operations; some need emailed tokens or ids of other users.
MIN_SERVED = {"admin": 21, "ada": 7}


@pytest.fixture(autouse=True)
def tidy(shop: Shop) -> Iterator[None]:
    """Leave one admin and no rate-limited user to later tests."""
    yield
    for user in shop.table("UsersTable"):
        if user.get("role", {}).get("S") == "admin" and user["id"]["S"] != shop.admin.id:
            shop.admin.http.delete(f"/api/users/{user['id']['S']}").raise_for_status()
    dynamodb = shop.stack.client("dynamodb")
    for attempt in shop.table("AttemptsTable"):
        key = {"digest": attempt["digest"]}
        dynamodb.delete_item(TableName=shop.resources["AttemptsTable"], Key=key)
    shop.drop_cached_items()


@pytest.mark.parametrize(
    ("sender", "phases", "examples"),
    [
        ("admin", "examples,coverage,fuzzing,stateful", "2"),
        # Coverage passes for ada too, but adds 1,200 requests, more than fit into 90 s.
        ("ada", "examples,fuzzing,stateful", "2"),
    ],
)
def test_every_response_conforms_to_the_document(
    shop: Shop, tmp_path: Path, sender: str, phases: str, examples: str
) -> None:
    admin, report = shop.stack.info.admin, tmp_path / "report.json"
    assert admin is not None

    done = run(
        *(shop.url, admin, sender, "run", "--phases", phases, "--max-examples", examples),
        *("--seed", SEED, "--report", "json", "--report-json-path", str(report)),
        quiet=True,
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
