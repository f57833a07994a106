"""RestoreTableToPointInTime copies the current table, without stream and indexes."""

from datetime import UTC, datetime

from tests.support.event_sources import Table
from tools.local_cloud.stack import LocalStack


def test_restored_table_is_an_independent_copy(stack: LocalStack) -> None:
    table = Table(stack)
    table.put("one")
    name = f"{table.name}-restored"

    table.dynamodb.restore_table_to_point_in_time(
        SourceTableName=table.name,
        TargetTableName=name,
        RestoreDateTime=datetime.now(UTC),
        BillingModeOverride="PAY_PER_REQUEST",
        GlobalSecondaryIndexOverride=[],
    )
    table.put("two")

    assert [item["id"]["S"] for item in table.dynamodb.scan(TableName=name)["Items"]] == ["one"]
    described = table.dynamodb.describe_table(TableName=name)["Table"]
    assert described["TableStatus"] == "ACTIVE"
    assert not described.get("StreamSpecification", {}).get("StreamEnabled")
    assert not described.get("GlobalSecondaryIndexes")
    table.dynamodb.delete_table(TableName=name)
