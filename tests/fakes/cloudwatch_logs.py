"""CloudWatch Logs in memory, for the audit lines of operators."""

import json
from collections.abc import Sequence
from typing import Any  # responses of AWS, and a partial deployment

OPERATOR = "arn:aws:iam::123456789012:user/ada"


class FakeCloudWatchLogs:
    """A client factory that is CloudWatch Logs and STS at once, and keeps the lines it receives."""

    class exceptions:
        class ResourceAlreadyExistsException(Exception):
            """The stream exists already."""

    def __init__(self) -> None:
        self.lines: list[dict[str, Any]] = []

    def __call__(self, _: str) -> "FakeCloudWatchLogs":
        return self

    def create_log_stream(self, **_: str) -> None:
        raise self.exceptions.ResourceAlreadyExistsException

    def put_log_events(self, logEvents: Sequence[dict[str, Any]], **_: str) -> None:
        self.lines += [json.loads(event["message"]) for event in logEvents]

    def get_caller_identity(self) -> dict[str, str]:
        return {"Arn": OPERATOR}

    @property
    def outcomes(self) -> list[str]:
        return [line["outcome"] for line in self.lines]
