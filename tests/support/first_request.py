"""Import and first request of a built handler in a bare interpreter; print the loaded modules.

Nothing is sent: the input has the responses of AWS. Items are found by key, writes succeed,
queries of a user return all rows with the prefix or before the end, and other calls respond by
operation.
"""

import importlib
import json
import os
import sys
from typing import Any  # requests and responses of AWS are JSON


class Context:
    """The attributes of Lambda's context object that handlers read."""

    function_name = "function"
    aws_request_id = "5b3f1c8e-8a58-4c3e-9d1a-0f3f6f3f2a01"
    log_stream_name = "stream"

    def get_remaining_time_in_millis(self) -> int:
        return 30_000


class Aws:
    def __init__(self, tables: dict[str, Any], responses: dict[str, Any]) -> None:
        self._tables = tables
        self._responses = responses

    def respond(self, operation: str, asked: dict[str, Any]) -> dict[str, Any]:
        match operation:
            case "GetItem" | "UpdateItem":
                found = self._found(asked["TableName"], [asked["Key"]])
                return {"Item": found[0], "Attributes": found[0]} if found else {}
            case "BatchGetItem":
                tables = asked["RequestItems"]
                return {"Responses": {it: self._found(it, tables[it]["Keys"]) for it in tables}}
            case "Query" if "ExpressionAttributeNames" not in asked:
                values = {key: it["S"] for key, it in asked["ExpressionAttributeValues"].items()}
                prefix, end = values.get(":prefix", ""), values.get(":end", "~")
                items = self._tables[asked["TableName"]]
                ids = [it.get("id", {"S": ""})["S"] for it in items]
                rows = zip(ids, items, strict=True)
                return {"Items": [it for id_, it in rows if id_.startswith(prefix) and id_ < end]}
            case "GetSecretValue":
                secret: dict[str, Any] = self._responses[operation][asked["SecretId"]]
                return secret
        response: dict[str, Any] = self._responses.get(operation, {})
        return response

    def _found(self, table: str, keys: list[dict[str, Any]]) -> list[dict[str, Any]]:
        items: list[dict[str, Any]] = self._tables[table]
        return [item for item in items if any(key.items() <= item.items() for key in keys)]


class Body:
    def __init__(self, content: bytes) -> None:
        self._content = content

    def stream(self, **_: object) -> list[bytes]:
        return [self._content]


def connect_to(aws: Aws) -> None:
    """Replace the network below every other layer of the SDK."""
    from botocore.awsrequest import AWSResponse
    from botocore.compat import HTTPHeaders

    from shop.clients import _session

    def send(**sent: Any) -> Any:
        request = sent["request"]
        operation = request.headers.get("X-Amz-Target", b"").decode().rpartition(".")[2]
        payload = json.dumps(aws.respond(operation, json.loads(request.body))).encode()
        return AWSResponse(request.url, 200, HTTPHeaders(), Body(payload))

    _session().register("before-send", send)


def main() -> None:
    given = json.load(sys.stdin)
    handler = importlib.import_module(given["module"]).handler
    imported = [name for name in given["watched"] if name in sys.modules]
    os.environ.update(given["settings"])
    if "shop.clients" in sys.modules:  # a module-level import would count as loaded by the handler
        connect_to(Aws(given["tables"], given["responses"]))
    response = handler(given["event"], Context())
    later = [name for name in given["watched"] if name in sys.modules and name not in imported]
    print(json.dumps({"imported": imported, "later": later, "response": response}))


if __name__ == "__main__":
    main()
