"""A table restored here is a copy of it as it is now: no stream, and no index if none is wanted."""

from datetime import UTC, datetime

from tests.local_cloud.watching import Table
from tools.local_cloud.stack import LocalStack


def test_a_restored_table_is_a_copy_that_lives_on_its_own(stack: LocalStack) -> None:
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
