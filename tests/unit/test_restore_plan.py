"""A restore is planned before it incurs costs, for tables that can be restored."""

from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest

from tests.support.fixtures import NOON
from tests.support.sam_template import resources
from tools.restore.__main__ import main
from tools.restore.comparison import fingerprint
from tools.restore.copy import Copy
from tools.restore.table_specs import TABLE_SPECS


class Tables:
    """DynamoDB's description of a 10 GB table; `Any`, like its responses."""

    def __init__(self, recovery: dict[str, Any]) -> None:
        self.recovery = recovery

    def describe_table(self, TableName: str) -> Any:
        return {"Table": {"ItemCount": 1000, "TableSizeBytes": 10 * 1024**3}}

    def describe_continuous_backups(self, TableName: str) -> Any:
        return {"ContinuousBackupsDescription": {"PointInTimeRecoveryDescription": self.recovery}}


ON = {
    "PointInTimeRecoveryStatus": "ENABLED",
    "EarliestRestorableDateTime": NOON - timedelta(days=35),
    "LatestRestorableDateTime": NOON,
}


@pytest.mark.parametrize(
    ("at", "recovery", "last"),
    [
        (NOON - timedelta(hours=1), ON, "  possible from 2026-10-18 12:00:00"),
        (NOON + timedelta(seconds=1), ON, "Not possible: the time is outside"),
        (NOON - timedelta(days=36), ON, "Not possible: the time is outside"),
        (NOON, {"PointInTimeRecoveryStatus": "DISABLED"}, "Not possible: point-in-time recovery"),
    ],
)
def test_plan_has_costs_and_feasibility(at: datetime, recovery: dict[str, Any], last: str) -> None:
    lines = [*Copy(cast(Any, Tables(recovery)), "users", at).plan()]

    assert lines[0] == "users: 1,000 items, $1.50"
    assert lines[-1].startswith(last)


def test_copy_is_found_by_its_point_in_time() -> None:
    at = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)

    assert Copy(cast(Any, None), "users", at).name == "users-restored-20261123T100000Z"


@pytest.mark.parametrize(
    ("table", "why"),
    [
        ("CountersTable", "make recount"),
        ("SearchTable", "make recount"),
        ("AttemptsTable", "has no backups"),
        ("Users", "has no backups"),
    ],
)
def test_rebuildable_or_unprotected_table_is_rejected(
    capsys: pytest.CaptureFixture[str], table: str, why: str
) -> None:
    with pytest.raises(SystemExit):
        main(["plan", "--table", table, "--at", "2026-11-23T10:00:00Z"])

    assert why in capsys.readouterr().err


def test_every_protected_table_can_be_restored() -> None:
    kept = {
        name
        for name, properties in resources("AWS::DynamoDB::Table").items()
        if "PointInTimeRecoverySpecification" in properties
    }

    assert kept == TABLE_SPECS.keys()


@pytest.mark.parametrize("words", [[], ["--keys", "a", "--all-missing"]], ids=["nothing", "both"])
def test_restored_items_are_listed(capsys: pytest.CaptureFixture[str], words: list[str]) -> None:
    with pytest.raises(SystemExit):
        main(["bring-back", "--table", "UsersTable", "--at", "2026-11-23T10:00:00Z", *words])

    assert "name the items" in capsys.readouterr().err


def test_point_in_time_without_a_zone_is_rejected(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["plan", "--table", "UsersTable", "--at", "2026-11-23T10:00:00"])

    assert "--at" in capsys.readouterr().err


def test_fingerprint_depends_on_content_and_not_on_order() -> None:
    assert fingerprint({"a": 1, "b": ["x"]}) == fingerprint({"b": ["x"], "a": 1})
    assert fingerprint({"a": 1}) != fingerprint({"a": "1"}) != fingerprint({"a": ["1"]})


def test_fingerprint_of_a_set_is_equal_in_every_process() -> None:
    # Python orders the texts of a set differently in each process.
    assert fingerprint({"a": frozenset("xyz")}) == "07daacb5cfcc"
