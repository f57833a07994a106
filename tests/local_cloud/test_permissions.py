"""What a policy must name for the calls that event sources and their operators make."""

import json
from collections.abc import Callable, Iterator
from typing import Any
from uuid import uuid4

import botocore.session
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from tests.local_cloud.watching import Queue, Table
from tools.local_cloud.stack import LocalStack

type Statement = tuple[str, str]


class Somebody:
    """A principal that may do what ``allow`` says last."""

    def __init__(self, stack: LocalStack) -> None:
        self._stack = stack
        self._iam = stack.client("iam")
        self.name = f"somebody-{uuid4().hex[:8]}"
        self._iam.create_user(UserName=self.name)
        key = self._iam.create_access_key(UserName=self.name)["AccessKey"]
        self._session = botocore.session.Session()
        self._session.set_credentials(key["AccessKeyId"], key["SecretAccessKey"])

    def allow(self, *statements: Statement) -> None:
        document = {
            "Version": "2012-10-17",
            "Statement": [
                {"Effect": "Allow", "Action": action, "Resource": resource}
                for action, resource in statements
            ],
        }
        self._iam.put_user_policy(
            UserName=self.name, PolicyName="may", PolicyDocument=json.dumps(document)
        )

    # Any: botocore makes its clients at run time.
    def client(self, service: str) -> Any:
        return self._session.create_client(
            service,
            self._stack.deployment.region,
            endpoint_url=self._stack.emulator.endpoint,
            config=Config(proxies={}),
        )

    def may(self, act: Callable[[], object]) -> bool:
        try:
            act()
        except ClientError as refused:
            assert "AccessDenied" in refused.response["Error"]["Code"], refused
            return False
        return True


@pytest.fixture
def somebody(stack: LocalStack) -> Iterator[Somebody]:
    yield Somebody(stack)


def test_a_stream_is_read_by_who_may_read_that_one(stack: LocalStack, somebody: Somebody) -> None:
    table, other = Table(stack), Table(stack)
    streams = somebody.client("dynamodbstreams")

    def iterator(stream: str) -> str:
        shard = "shardId-00000000000000000000-00000000"
        return str(
            streams.get_shard_iterator(
                StreamArn=stream, ShardId=shard, ShardIteratorType="TRIM_HORIZON"
            )["ShardIterator"]
        )

    def read() -> object:
        return streams.get_records(ShardIterator=iterator(table.stream))

    somebody.allow(("dynamodb:GetShardIterator", table.stream))
    assert somebody.may(lambda: iterator(table.stream))
    assert not somebody.may(lambda: iterator(other.stream))
    assert not somebody.may(read)

    somebody.allow(*((f"dynamodb:Get{it}", table.stream) for it in ("ShardIterator", "Records")))
    assert somebody.may(read)


def test_dead_letters_are_moved_by_who_may_move_those(
    stack: LocalStack, somebody: Somebody
) -> None:
    dead, other = Queue(stack), Queue(stack)
    Queue(stack, RedrivePolicy=json.dumps({"deadLetterTargetArn": dead.arn, "maxReceiveCount": 1}))

    def move() -> object:
        return somebody.client("sqs").start_message_move_task(SourceArn=dead.arn)

    somebody.allow(("sqs:StartMessageMoveTask", other.arn))
    assert not somebody.may(move)
    somebody.allow(("sqs:StartMessageMoveTask", dead.arn))
    assert somebody.may(move)


def test_mail_is_sent_by_who_may_send_as_its_sender(stack: LocalStack, somebody: Somebody) -> None:
    identities = f"arn:aws:ses:{stack.deployment.region}:000000000000:identity"

    def send() -> object:
        return somebody.client("sesv2").send_email(
            FromEmailAddress="The shop <shop@example.com>",
            Destination={"ToAddresses": ["ada@example.com"]},
            Content={"Simple": {"Subject": {"Data": "a"}, "Body": {"Text": {"Data": "b"}}}},
        )

    somebody.allow(("ses:SendEmail", f"{identities}/other@example.com"))
    assert not somebody.may(send)
    somebody.allow(("ses:SendEmail", f"{identities}/shop@example.com"))
    assert somebody.may(send)


def test_a_mapping_is_disabled_by_who_may_update_that_one(
    stack: LocalStack, somebody: Somebody
) -> None:
    mapping = Table(stack).follow()
    arn = stack.client("lambda").get_event_source_mapping(UUID=mapping)["EventSourceMappingArn"]
    functions = somebody.client("lambda")

    def disable() -> object:
        return functions.update_event_source_mapping(UUID=mapping, Enabled=False)

    somebody.allow(("lambda:GetEventSourceMapping", arn))
    assert somebody.may(lambda: functions.get_event_source_mapping(UUID=mapping))
    assert not somebody.may(disable)
    somebody.allow(("lambda:UpdateEventSourceMapping", arn))
    assert somebody.may(disable)
