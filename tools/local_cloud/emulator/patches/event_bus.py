"""EventBridge: validation of events and rules, queue policies, dead letters, archives."""

import json
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

from ministack.core.arn import parse_arn
from ministack.core.responses import error_response_json, get_account_id, get_region, json_response
from ministack.services import eventbridge, sqs
from ministack.services.cloudformation import provisioners

from tools.local_cloud.emulator.patches.pinned import pinned
from tools.local_cloud.emulator.patches.provisioning import add_resource_type, handlers_of

# Any: ministack's own records.
Record = dict[str, Any]

MAX_REQUEST_BYTES = 256 * 1024


def apply() -> None:
    reject_malformed_entries()
    enforce_queue_policies()
    validate_rules()
    provision_archives()


def reject_malformed_entries() -> None:
    """Reject malformed entries of PutEvents, and keep the time of the others.

    https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutEventsResultEntry.html
    """
    original = pinned(
        eventbridge, "_put_events", "data allow_aws_source", source="_archive_event(event_record"
    )
    pinned(eventbridge, "_event_bus_name_from_ref", "name")
    pinned(eventbridge, "_pattern_event_view", "event")
    pinned(eventbridge, "_dispatch_event", "event view")
    pinned(eventbridge, "_coerce_timestamp", "value")

    # Any: ministack's own responses.
    def put_events(data: Record, allow_aws_source: bool = False) -> Any:
        entries = data.get("Entries", [])
        if allow_aws_source or len(entries) > 10:
            return original(data, allow_aws_source)
        if sum(map(_size, entries)) > MAX_REQUEST_BYTES:
            message = "Total size of the entries in the request is over the limit."
            return error_response_json("ValidationException", message, 400)
        results = [_put(it) for it in entries]
        failed = sum("ErrorCode" in it for it in results)
        return json_response({"FailedEntryCount": failed, "Entries": results})

    eventbridge._put_events = put_events


def enforce_queue_policies() -> None:
    """Deliver to a queue if its policy allows the rule, else to the dead-letter queue."""
    invoke = pinned(
        eventbridge, "_invoke_target", "target event rule view", source="_dispatch_to_sqs("
    )
    pinned(sqs, "queue_policy_allows", "queue_arn service source_arn source_account")

    def invoke_target(target: Record, event: Record, rule: Record, view: Any = None) -> None:
        arn = target["Arn"]
        error = _delivery_error(arn, rule) if parse_arn(arn).service == "sqs" else None
        if error is None:
            invoke(target, event, rule, view)
            return
        dead_letters = (target.get("DeadLetterConfig") or {}).get("Arn")
        if dead_letters and _delivery_error(dead_letters, rule) is None:
            view = view or eventbridge._pattern_event_view(event)
            _send(dead_letters, view.event_with_detail(), error, rule, arn)

    eventbridge._invoke_target = invoke_target


def validate_rules() -> None:
    """Fail a deployment for an invalid pattern or an unknown bus."""
    handlers = handlers_of("AWS::Events::Rule")
    create, update = handlers["create"], handlers["update"]
    pinned(provisioners, "_eb_rule_bus_name", "props")
    pinned(eventbridge, "_event_pattern_error", "pattern_str")

    def created(logical_id: str, props: Record, stack: str) -> tuple[str, Record]:
        _check_rule(props)
        response: tuple[str, Record] = create(logical_id, props, stack)
        return response

    def updated(
        physical_id: str, old: Record, new: Record, stack: str, logical_id: str
    ) -> tuple[str, Record]:
        _check_rule(new)
        response: tuple[str, Record] = update(physical_id, old, new, stack, logical_id)
        return response

    handlers |= {"create": created, "update": updated}


def provision_archives() -> None:
    """Provision archives by ministack's API."""
    pinned(eventbridge, "_create_archive", "data")
    pinned(eventbridge, "_update_archive", "data")
    pinned(eventbridge, "_delete_archive", "data")

    def created(logical_id: str, props: Record, stack: str) -> tuple[str, Record]:
        name = props.get("ArchiveName") or f"{stack}-{logical_id}"
        return name, _parse_archive(eventbridge._create_archive(_archive(name, props)))

    def updated(name: str, _: Record, new: Record, __: str) -> tuple[str, Record]:
        return name, _parse_archive(eventbridge._update_archive(_archive(name, new)))

    def deleted(name: str, _: Record) -> None:
        eventbridge._delete_archive({"ArchiveName": name})

    handlers = {"create": created, "update": updated, "delete": deleted}
    add_resource_type("AWS::Events::Archive", handlers)


def _put(entry: Record) -> Record:
    bus, error = eventbridge._event_bus_name_from_ref(entry.get("EventBusName") or "default")
    for code, message in (error,) if error else _entry_errors(entry):
        return {"ErrorCode": code, "ErrorMessage": message}
    now = eventbridge._now_ts()
    event = {
        "EventId": str(uuid4()),
        "Source": entry["Source"],
        "DetailType": entry["DetailType"],
        "Detail": entry["Detail"],
        "EventBusName": bus,
        "Time": int(eventbridge._coerce_timestamp(entry.get("Time") or now)),
        "Resources": entry.get("Resources", []),
        "Account": get_account_id(),
        "Region": get_region(),
    }
    view = eventbridge._pattern_event_view(event)
    eventbridge._dispatch_event(event, view)
    eventbridge._archive_event(event, view)
    return {"EventId": event["EventId"]}


def _entry_errors(entry: Record) -> Iterator[tuple[str, str]]:
    for name in ("Source", "DetailType", "Detail"):
        if not entry.get(name):
            yield (
                "InvalidArgument",
                f"Parameter {name} is not valid. Reason: {name} is a required argument.",
            )
    if str(entry.get("Source")).startswith("aws."):
        yield "NotAuthorizedForSourceException", "Not authorized for the source."
    try:
        detail = json.loads(entry.get("Detail") or "{}")
    except ValueError:
        detail = None
    if not isinstance(detail, dict):
        yield "MalformedDetail", "Detail is malformed."


def _size(entry: Record) -> int:
    """Return the size of an entry in bytes.

    https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-putevent-size.html
    """
    texts = [entry.get(it) or "" for it in ("Source", "DetailType", "Detail")]
    texts += entry.get("Resources") or []
    return sum(len(it.encode()) for it in texts) + (14 if entry.get("Time") else 0)


def _delivery_error(queue: str, rule: Record) -> tuple[str, str] | None:
    if sqs._queue_by_arn(queue) is None:
        return "NO_RESOURCE", "The queue does not exist."
    account = get_account_id()
    if not sqs.queue_policy_allows(queue, "events.amazonaws.com", rule["Arn"], account):
        return "NO_PERMISSIONS", "The queue's policy does not allow the rule to send to it."
    return None


def _send(queue: str, event: Record, error: tuple[str, str], rule: Record, target: str) -> None:
    """Send a dead letter with the error in its attributes.

    https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-rule-dlq.html
    """
    code, message = error
    attributes = {
        "ERROR_CODE": code,
        "ERROR_MESSAGE": message,
        "RULE_ARN": rule["Arn"],
        "TARGET_ARN": target,
    }
    sqs._act_send_message(
        {
            "MessageBody": json.dumps(event),
            "MessageAttributes": {
                name: {"DataType": "String", "StringValue": value}
                for name, value in attributes.items()
            },
        },
        sqs._queue_by_arn(queue)["url"],
    )


def _check_rule(props: Record) -> None:
    bus = provisioners._eb_rule_bus_name(props)
    if bus != "default" and bus not in eventbridge._event_buses:
        raise ValueError(f"Event bus {bus} does not exist.")
    pattern = props.get("EventPattern") or ""
    text = pattern if isinstance(pattern, str) else json.dumps(pattern)
    if error := eventbridge._event_pattern_error(text):
        raise ValueError(f"Event pattern is not valid. Reason: {error}")


def _archive(name: str, props: Record) -> Record:
    pattern = props.get("EventPattern") or ""
    return {
        "ArchiveName": name,
        "Description": props.get("Description", ""),
        "EventPattern": pattern if isinstance(pattern, str) else json.dumps(pattern),
        "EventSourceArn": props["SourceArn"],
        "RetentionDays": int(props.get("RetentionDays", 0)),
    }


# Any: ministack's own responses.
def _parse_archive(response: Any) -> Record:
    status, _, body = response
    content: Record = json.loads(body)
    if status != 200:
        raise ValueError(content["message"])
    return {"Arn": content["ArchiveArn"], "ArchiveName": content["ArchiveArn"].rpartition("/")[2]}
