"""IAM: policies for event sources, move tasks, emails and mappings are checked by ARN."""

import json
from collections.abc import Callable, Iterator
from typing import Any
from uuid import uuid4

import botocore.session
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from tests.support.event_sources import Queue, Table
from tools.local_cloud.stack import LocalStack

type Statement = tuple[str, str]
type Condition = dict[str, dict[str, list[str]]]


class Principal:
    """A principal with the permissions of its last ``allow``."""

    def __init__(self, stack: LocalStack) -> None:
        self._stack = stack
        self._iam = stack.client("iam")
        self.name = f"principal-{uuid4().hex[:8]}"
        self._iam.create_user(UserName=self.name)
        key = self._iam.create_access_key(UserName=self.name)["AccessKey"]
        self._session = botocore.session.Session()
        self._session.set_credentials(key["AccessKeyId"], key["SecretAccessKey"])

    def allow(self, *statements: Statement, condition: Condition | None = None) -> None:
        document = {
            "Version": "2012-10-17",
            "Statement": [
                {"Effect": "Allow", "Action": action, "Resource": resource}
                | ({"Condition": condition} if condition else {})
                for action, resource in statements
            ],
        }
        self._iam.put_user_policy(
            UserName=self.name, PolicyName="allowed", PolicyDocument=json.dumps(document)
        )

    # Any: botocore creates its clients at run time.
    def client(self, service: str) -> Any:
        return self._session.create_client(
            service,
            self._stack.deployment.region,
            endpoint_url=self._stack.emulator.endpoint,
            config=Config(proxies={}),
        )

    def is_allowed(self, act: Callable[[], object]) -> bool:
        try:
            act()
        except ClientError as rejected:
            assert "AccessDenied" in rejected.response["Error"]["Code"], rejected
            return False
        return True


@pytest.fixture
def principal(stack: LocalStack) -> Iterator[Principal]:
    yield Principal(stack)


def test_stream_permission_is_checked_by_arn(stack: LocalStack, principal: Principal) -> None:
    table, other = Table(stack), Table(stack)
    streams = principal.client("dynamodbstreams")

    def iterator(stream: str) -> str:
        shard = "shardId-00000000000000000000-00000000"
        return str(
            streams.get_shard_iterator(
                StreamArn=stream, ShardId=shard, ShardIteratorType="TRIM_HORIZON"
            )["ShardIterator"]
        )

    def read() -> object:
        return streams.get_records(ShardIterator=iterator(table.stream))

    principal.allow(("dynamodb:GetShardIterator", table.stream))
    assert principal.is_allowed(lambda: iterator(table.stream))
    assert not principal.is_allowed(lambda: iterator(other.stream))
    assert not principal.is_allowed(read)

    principal.allow(*((f"dynamodb:Get{it}", table.stream) for it in ("ShardIterator", "Records")))
    assert principal.is_allowed(read)


def test_move_task_permission_is_checked_by_arn(stack: LocalStack, principal: Principal) -> None:
    dead, other = Queue(stack), Queue(stack)
    Queue(stack, RedrivePolicy=json.dumps({"deadLetterTargetArn": dead.arn, "maxReceiveCount": 1}))

    def move() -> object:
        return principal.client("sqs").start_message_move_task(SourceArn=dead.arn)

    principal.allow(("sqs:StartMessageMoveTask", other.arn))
    assert not principal.is_allowed(move)
    principal.allow(("sqs:StartMessageMoveTask", dead.arn))
    assert principal.is_allowed(move)


def test_email_permission_is_checked_by_sender(stack: LocalStack, principal: Principal) -> None:
    identities = f"arn:aws:ses:{stack.deployment.region}:000000000000:identity"

    def send() -> object:
        return principal.client("sesv2").send_email(
            FromEmailAddress="The shop <shop@example.com>",
            Destination={"ToAddresses": ["ada@example.com"]},
            Content={"Simple": {"Subject": {"Data": "a"}, "Body": {"Text": {"Data": "b"}}}},
        )

    principal.allow(("ses:SendEmail", f"{identities}/other@example.com"))
    assert not principal.is_allowed(send)
    principal.allow(("ses:SendEmail", f"{identities}/shop@example.com"))
    assert principal.is_allowed(send)


def test_mapping_permission_is_checked_by_action(stack: LocalStack, principal: Principal) -> None:
    mapping = Table(stack).follow()
    arn = stack.client("lambda").get_event_source_mapping(UUID=mapping)["EventSourceMappingArn"]
    functions = principal.client("lambda")

    def disable() -> object:
        return functions.update_event_source_mapping(UUID=mapping, Enabled=False)

    principal.allow(("lambda:GetEventSourceMapping", arn))
    assert principal.is_allowed(lambda: functions.get_event_source_mapping(UUID=mapping))
    assert not principal.is_allowed(disable)
    principal.allow(("lambda:UpdateEventSourceMapping", arn))
    assert principal.is_allowed(disable)


def test_batch_of_messages_needs_the_permission_for_one(
    stack: LocalStack, principal: Principal
) -> None:
    queue, client = Queue(stack), principal.client("sqs")
    entries = [{"Id": "1", "MessageBody": "{}"}]

    def send() -> object:
        return client.send_message_batch(QueueUrl=queue.url, Entries=entries)

    principal.allow(("sqs:SendMessageBatch", queue.arn))
    assert not principal.is_allowed(send)
    principal.allow(("sqs:SendMessage", queue.arn))
    assert principal.is_allowed(send)


@pytest.mark.parametrize("operation", ["update_item", "put_item", "delete_item", "get_item"])
def test_condition_on_leading_keys_denies_other_rows(
    stack: LocalStack, principal: Principal, operation: str
) -> None:
    table = Table(stack)
    arn = stack.client("dynamodb").describe_table(TableName=table.name)["Table"]["TableArn"]
    act = getattr(principal.client("dynamodb"), operation)
    action = operation.title().replace("_", "")
    principal.allow(
        (f"dynamodb:{action}", arn),
        condition={"ForAllValues:StringLike": {"dynamodb:LeadingKeys": ["mail#*"]}},
    )

    def on(row: str) -> Callable[[], object]:
        member = "Item" if operation == "put_item" else "Key"
        return lambda: act(TableName=table.name, **{member: {"id": {"S": row}}})

    assert principal.is_allowed(on("mail#1"))
    assert not principal.is_allowed(on("01900000-0000-7000-8000-000000000001#POST#/api/orders#key"))
    assert not principal.is_allowed(on("email#1"))
