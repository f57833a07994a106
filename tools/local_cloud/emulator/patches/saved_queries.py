"""CloudWatch Logs Insights: saved queries, and errors for queries that ministack cannot run.

https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutQueryDefinition.html
"""

import json
import re
import time
from typing import Any
from uuid import uuid4

from ministack.core.responses import error_response_json, json_response
from ministack.services import cloudwatch_logs

from tools.local_cloud.emulator.patches.pinned import pinned
from tools.local_cloud.emulator.patches.provisioning import add_resource_type

# Any: requests, responses and properties, as JSON.
Record = dict[str, Any]

RESOURCE_TYPE = "AWS::Logs::QueryDefinition"
# Stages that ministack runs besides the filters that it compiles; it ignores all others.
_STAGE = re.compile(r"(?is)fields\s.+|sort\s+@\w+(\s+(asc|desc))?|limit\s+\d+")

_definitions: dict[str, Record] = {}


def apply() -> None:
    serve_query_definitions()
    provision_query_definitions()
    reject_unsupported_queries()


def serve_query_definitions() -> None:
    original = pinned(
        cloudwatch_logs, "handle_request", "method path headers body query_params",
        source='f"Unknown action: {action}"',
    )  # fmt: skip
    calls = {
        "PutQueryDefinition": _put,
        "DescribeQueryDefinitions": _describe,
        "DeleteQueryDefinition": _delete,
    }

    async def handle_request(
        method: str, path: str, headers: Record, body: bytes, query_params: Record
    ) -> Any:
        call = calls.get(headers.get("x-amz-target", "").rpartition(".")[2])
        if call is None:
            return await original(method, path, headers, body, query_params)
        return call(json.loads(body or b"{}"))

    cloudwatch_logs.handle_request = handle_request


def provision_query_definitions() -> None:
    def created(_logical_id: str, props: Record, _stack: str) -> tuple[str, Record]:
        query_id = _save(str(uuid4()), props["Name"], props["QueryString"], props)
        return query_id, {"QueryDefinitionId": query_id}

    def updated(query_id: str, _old: Record, new: Record, *_: str, **__: str) -> tuple[str, Record]:
        _save(query_id, new["Name"], new["QueryString"], new)
        return query_id, {"QueryDefinitionId": query_id}

    def deleted(query_id: str, _props: Record) -> None:
        _definitions.pop(query_id, None)

    add_resource_type(RESOURCE_TYPE, {"create": created, "update": updated, "delete": deleted})


def reject_unsupported_queries() -> None:
    """Reject stages that ministack ignores, since the result would have every line."""
    original = pinned(cloudwatch_logs, "_start_query", "data")
    stages = pinned(cloudwatch_logs, "_split_insights_pipes")
    compile_filter = pinned(cloudwatch_logs, "_compile_insights_filter", "stage")

    def start_query(data: Record) -> Any:
        for stage in stages(data.get("queryString", "")):
            if not _STAGE.fullmatch(stage) and compile_filter(stage) is None:
                message = f"The local cloud cannot run {stage!r}: search functions.log instead."
                return error_response_json("MalformedQueryException", message, 400)
        return original(data)

    cloudwatch_logs._start_query = start_query


def _put(data: Record) -> Any:
    for required in ("name", "queryString"):
        if not data.get(required):
            message = f"{required} must have a length of at least 1."
            return error_response_json("InvalidParameterException", message, 400)
    query_id = data.get("queryDefinitionId")
    if query_id and query_id not in _definitions:
        return _missing()
    properties = {"LogGroupNames": data.get("logGroupNames")}
    saved = _save(query_id or str(uuid4()), data["name"], data["queryString"], properties)
    return json_response({"queryDefinitionId": saved})


def _describe(data: Record) -> Any:
    prefix = data.get("queryDefinitionNamePrefix", "")
    found = sorted(
        (it for it in _definitions.values() if it["name"].startswith(prefix)),
        key=lambda it: (it["name"], it["queryDefinitionId"]),
    )
    start, size = int(data.get("nextToken", "0")), int(data.get("maxResults", 1000))
    page: Record = {"queryDefinitions": found[start : start + size]}
    if start + size < len(found):
        page["nextToken"] = str(start + size)
    return json_response(page)


def _delete(data: Record) -> Any:
    if _definitions.pop(data.get("queryDefinitionId", ""), None) is None:
        return _missing()
    return json_response({"success": True})


def _save(query_id: str, name: str, text: str, properties: Record) -> str:
    _definitions[query_id] = {
        "queryDefinitionId": query_id,
        "name": name,
        "queryString": text,
        "queryLanguage": "CWLI",
        "lastModified": int(time.time() * 1000),
        "logGroupNames": properties.get("LogGroupNames") or [],
    }
    return query_id


def _missing() -> Any:
    message = "The specified query definition does not exist."
    return error_response_json("ResourceNotFoundException", message, 400)
