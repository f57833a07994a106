"""What a bare interpreter runs: a built handler's import and first request, and what each loaded.

Nothing is sent: instead of AWS answers what came along. Items are found by their keys, writes are
taken, the query of a user's sessions finds all, and all else is answered by operation.
"""

import importlib
import json
import os
import sys
from typing import Any  # what AWS is asked and answers is JSON


class Context:
    """As much of Lambda's context object as handlers read."""

    function_name = "function"
    aws_request_id = "5b3f1c8e-8a58-4c3e-9d1a-0f3f6f3f2a01"
    log_stream_name = "stream"

    def get_remaining_time_in_millis(self) -> int:
        return 30_000


class Aws:
    def __init__(self, tables: dict[str, Any], answers: dict[str, Any]) -> None:
        self._tables = tables
        self._answers = answers

    def answer(self, operation: str, asked: dict[str, Any]) -> dict[str, Any]:
        match operation:
            case "GetItem" | "UpdateItem":
                found = self._found(asked["TableName"], [asked["Key"]])
                return {"Item": found[0], "Attributes": found[0]} if found else {}
            case "BatchGetItem":
                wanted = asked["RequestItems"]
                return {"Responses": {it: self._found(it, wanted[it]["Keys"]) for it in wanted}}
            case "Query" if "ExpressionAttributeNames" not in asked:
                return {"Items": self._tables[asked["TableName"]]}
        answer: dict[str, Any] = self._answers.get(operation, {})
        return answer

    def _found(self, table: str, keys: list[dict[str, Any]]) -> list[dict[str, Any]]:
        items: list[dict[str, Any]] = self._tables[table]
        return [item for item in items if any(key.items() <= item.items() for key in keys)]


class Body:
    def __init__(self, content: bytes) -> None:
        self._content = content

    def stream(self, **_: object) -> list[bytes]:
        return [self._content]


def answer_by(aws: Aws) -> None:
    """In place of the network, below all else of the SDK's."""
    from botocore.awsrequest import AWSResponse
    from botocore.compat import HTTPHeaders

    from shop.clients import _session

    def send(**sent: Any) -> Any:
        request = sent["request"]
        operation = request.headers.get("X-Amz-Target", b"").decode().rpartition(".")[2]
        told = json.dumps(aws.answer(operation, json.loads(request.body))).encode()
        return AWSResponse(request.url, 200, HTTPHeaders(), Body(told))

    _session().register("before-send", send)


def main() -> None:
    given = json.load(sys.stdin)
    handler = importlib.import_module(given["module"]).handler
    imported = [name for name in given["watched"] if name in sys.modules]
    os.environ.update(given["settings"])
    if "shop.clients" in sys.modules:  # or it would be loaded by this
        answer_by(Aws(given["tables"], given["answers"]))
    answer = handler(given["event"], Context())
    later = [name for name in given["watched"] if name in sys.modules and name not in imported]
    print(json.dumps({"imported": imported, "later": later, "answer": answer}))


if __name__ == "__main__":
    main()
