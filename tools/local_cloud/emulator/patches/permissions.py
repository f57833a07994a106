"""IAM: the action and the resource of requests to event sources and SES."""

import json
from collections.abc import Callable
from email.utils import parseaddr
from typing import Any

from ministack.core import iam_actions
from ministack.services import dynamodb, dynamodb_streams, ses, ses_v2

from tools.local_cloud.emulator.patches.pinned import pinned

# Any: ministack's own records.
Record = dict[str, Any]

MAPPING_ACTIONS = {
    "DELETE": "lambda:DeleteEventSourceMapping",
    "GET": "lambda:GetEventSourceMapping",
    "PUT": "lambda:UpdateEventSourceMapping",
}


def apply() -> None:
    authorize_actions()
    authorize_event_source_resources()
    authorize_leading_keys()


def authorize_actions() -> None:
    """Authorize requests for one event source mapping by the action of their method, and batches of
    messages by the action for one message, as SQS does.
    """
    original = pinned(
        iam_actions, "extract_iam_action", "service method path headers body query_params"
    )

    def action_of(service: str, method: str, path: str, *request: Any) -> str | None:
        parts = path.strip("/").split("/")
        if service == "lambda" and len(parts) == 3 and parts[1] == "event-source-mappings":
            return MAPPING_ACTIONS.get(method)
        action: str | None = original(service, method, path, *request)
        return action.removesuffix("Batch") if action and service == "sqs" else action

    iam_actions.extract_iam_action = action_of


def authorize_event_source_resources() -> None:
    """Authorize requests for streams, move tasks and emails by ARN, in place of `*`."""
    original = pinned(
        iam_actions,
        "extract_resource_arn",
        "service method path headers body query_params region account_id",
    )
    pinned(dynamodb_streams, "_decode_iterator", "token")
    finders: dict[str, Callable[[str, Record, str, str], str | None]] = {
        "dynamodbstreams": _stream,
        "ses": _sender,
        "sqs": _dead_letter_queue,
    }

    def resource_of(
        service: str,
        method: str,
        path: str,
        headers: Record,
        body: bytes,
        query: Record,
        region: str,
        account: str,
    ) -> str:
        found: str = original(service, method, path, headers, body, query, region, account)
        if found == "*" and service in finders:
            return finders[service](path, _content(body), region, account) or found
        return found

    iam_actions.extract_resource_arn = resource_of


def authorize_leading_keys() -> None:
    """Authorize DynamoDB requests for one item by the value of its partition key."""
    original = pinned(iam_actions, "dynamodb_service_context", "body")
    pinned(dynamodb, "_tables")

    def context_of(body: bytes) -> Record:
        context: Record = original(body)
        content = _content(body)
        table = dynamodb._tables.get(str(content.get("TableName")).rpartition("/")[2]) or {}
        key = content.get("Key") or content.get("Item")
        if isinstance(key, dict) and (value := key.get(table.get("pk_name"))):
            context["dynamodb:LeadingKeys"] = [str(it) for it in value.values()]
        return context

    iam_actions.dynamodb_service_context = context_of


def _stream(_: str, content: Record, __: str, ___: str) -> str | None:
    if iterator := content.get("ShardIterator"):
        content = dynamodb_streams._decode_iterator(iterator) or {}
    return content.get("StreamArn") or content.get("arn")


def _dead_letter_queue(_: str, content: Record, __: str, ___: str) -> str | None:
    return content.get("SourceArn")


def _sender(path: str, content: Record, region: str, account: str) -> str | None:
    """Return the ARN of the sender's verified identity: the address, or else its domain."""
    if not path.endswith("/outbound-emails"):
        return None
    if identity := content.get("FromEmailAddressIdentityArn"):
        return str(identity)
    address = parseaddr(content.get("FromEmailAddress", ""))[1]
    known = address in ses._identities or address in ses_v2._identities
    identity = address if known else address.rpartition("@")[2]
    return f"arn:aws:ses:{region}:{account}:identity/{identity}"


def _content(body: bytes) -> Record:
    try:
        content = json.loads(body or b"{}")
    except ValueError:
        return {}
    return content if isinstance(content, dict) else {}
