"""Point-in-time copies of a table: plan, create and delete."""

import time
from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_MARK = "-restored-"
_DOLLARS_A_GB = 0.15  # in us-east-1: https://aws.amazon.com/dynamodb/pricing/on-demand/
_GB = 1024**3
_POLL_SECONDS = 10.0  # seconds


class Copy:
    def __init__(self, client: "DynamoDBClient", table: str, at: datetime) -> None:
        """Derive the copy's name from the point in time, so every step finds it."""
        self._client = client
        self._table = table
        self._at = at
        self.name = f"{table}{_MARK}{at:%Y%m%dT%H%M%SZ}"

    def plan(self) -> Iterator[str]:
        """Yield lines of text; the last starts with `Not` if a restore is impossible."""
        table = self._client.describe_table(TableName=self._table)["Table"]
        size = table["TableSizeBytes"]
        yield f"{self._table}: {table['ItemCount']:,} items, ${size / _GB * _DOLLARS_A_GB:,.2f}"
        yield f"  copied as of {self._at:%Y-%m-%d %H:%M:%S} UTC into {self.name}"
        described = self._client.describe_continuous_backups(TableName=self._table)
        # Any: the types allow text for times, which are datetimes.
        recovery: Any = described["ContinuousBackupsDescription"].get(
            "PointInTimeRecoveryDescription", {"PointInTimeRecoveryStatus": "DISABLED"}
        )
        if recovery["PointInTimeRecoveryStatus"] != "ENABLED":
            yield "Not possible: point-in-time recovery is off (DataProtection=on)."
            return
        first, last = (
            recovery["EarliestRestorableDateTime"],
            recovery["LatestRestorableDateTime"],
        )
        yield f"  possible from {first:%Y-%m-%d %H:%M:%S} to {last:%Y-%m-%d %H:%M:%S} UTC"
        if not first <= self._at <= last:
            yield "Not possible: the time is outside this range."

    def restore(self) -> None:
        """Create the copy, without indexes and stream, and wait until it is active."""
        if not self.exists():
            self._client.restore_table_to_point_in_time(
                SourceTableName=self._table,
                TargetTableName=self.name,
                RestoreDateTime=self._at,
                BillingModeOverride="PAY_PER_REQUEST",
                GlobalSecondaryIndexOverride=[],
            )
        while not self._is_active():
            time.sleep(_POLL_SECONDS)

    def exists(self) -> bool:
        try:
            self._client.describe_table(TableName=self.name)
        except self._client.exceptions.ResourceNotFoundException:
            return False
        return True

    def delete(self) -> None:
        self._client.delete_table(TableName=self.name)

    def _is_active(self) -> bool:
        table = self._client.describe_table(TableName=self.name)["Table"]
        return table["TableStatus"] == "ACTIVE"
