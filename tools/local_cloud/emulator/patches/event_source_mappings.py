"""Event source mappings: validation, defaults and filters."""

import json
from collections.abc import Iterator
from typing import Any

from ministack.core import iam_evaluator
from ministack.core.responses import error_response_json, get_region
from ministack.services import eventbridge, lambda_svc, sqs
from ministack.services.cloudformation import provisioners

from tools.local_cloud.emulator.patches.pinned import pinned
from tools.local_cloud.emulator.patches.provisioning import handlers_of

# Any: ministack's own records.
Record = dict[str, Any]

DEFAULTS: Record = {
    "BatchSize": 10,
    "DestinationConfig": {},
    "Enabled": True,
    "FilterCriteria": {},
    "FunctionResponseTypes": [],
    "MaximumBatchingWindowInSeconds": 0,
}
STREAM_DEFAULTS: Record = DEFAULTS | {
    "BatchSize": 100,
    "BisectBatchOnFunctionError": False,
    "MaximumRecordAgeInSeconds": -1,
    "MaximumRetryAttempts": -1,
    "ParallelizationFactor": 1,
}
STREAM_ACTIONS = ("DescribeStream", "GetRecords", "GetShardIterator", "ListStreams")
QUEUE_ACTIONS = ("DeleteMessage", "GetQueueAttributes", "ReceiveMessage")


def apply() -> None:
    validate_mappings()
    filter_with_event_patterns()


def is_of_stream(mapping: Record) -> bool:
    return ":dynamodb:" in mapping["EventSourceArn"]


def validate_mappings() -> None:
    """Reject mappings that AWS rejects, and apply its defaults, by API and by template."""
    create = pinned(lambda_svc, "_create_esm", "data", source="_esms[esm_id] = esm")
    update = pinned(lambda_svc, "_update_esm", "esm_id data")
    pinned(lambda_svc, "_resolve_existing_esm_function", "function_ref")
    pinned(provisioners, "_lambda_function_for_cfn_ref", "function_ref")
    handlers = handlers_of("AWS::Lambda::EventSourceMapping")
    declare, change = handlers["create"], handlers["update"]
    pinned(provisioners, "_lambda_esm_update", "physical_id old_props new_props stack_name")

    # Any: ministack's own responses.
    def created(data: Record) -> Any:
        name, _, error = lambda_svc._resolve_existing_esm_function(data.get("FunctionName", ""))
        if not error and (message := _rejection(name, data)):
            return error_response_json("InvalidParameterValueException", message, 400)
        return _wake_poller(create(_with_defaults(data)))

    def updated(mapping_id: str, data: Record) -> Any:
        mapping = lambda_svc._esms.get(mapping_id)
        if mapping and (message := _rejection(mapping["FunctionName"], mapping | data)):
            return error_response_json("InvalidParameterValueException", message, 400)
        return _wake_poller(update(mapping_id, data))

    def declared(logical_id: str, props: Record, stack: str) -> tuple[str, Record]:
        props = _parse_numbers(props)
        _raise_rejection(props)
        response: tuple[str, Record] = declare(logical_id, _with_defaults(props), stack)
        _set_state(lambda_svc._esms[response[0]])
        return response

    def changed(physical_id: str, old: Record, new: Record, stack: str) -> tuple[str, Record]:
        old, new = _parse_numbers(old), _parse_numbers(new)
        _raise_rejection(new)
        # A property removed from a template returns to its default.
        response: tuple[str, Record] = change(physical_id, old, _with_defaults(new), stack)
        _set_state(lambda_svc._esms[response[0]])
        return response

    lambda_svc._create_esm, lambda_svc._update_esm = created, updated
    handlers |= {"create": declared, "update": changed}


def filter_with_event_patterns() -> None:
    """Match FilterCriteria with the matcher of the event bus, which has the same syntax."""
    pinned(lambda_svc, "_apply_filter_criteria", "records esm")
    pinned(eventbridge, "_compiled_pattern", "pattern_str")
    pinned(eventbridge, "_matches_detail", "detail pattern")
    lambda_svc._apply_filter_criteria = lambda records, mapping: [
        it for it in records if passes(it, mapping)
    ]


def passes(record: Record, mapping: Record) -> bool:
    """Whether a record matches a filter, or there are no filters."""
    filters = (mapping.get("FilterCriteria") or {}).get("Filters") or []
    if not filters:
        return True
    if "body" in record:
        record = {**record, "body": _decode(record["body"])}
    return any(
        eventbridge._matches_detail(record, alternative)
        for it in filters
        for alternative in eventbridge._compiled_pattern(it["Pattern"]) or ()
    )


# Any: JSON, or text that is not JSON.
def _decode(body: str) -> Any:
    try:
        return json.loads(body)
    except ValueError:
        return body


def _wake_poller[Response](response: Response) -> Response:
    """Wake the poller of mappings, which runs once a second otherwise."""
    lambda_svc._esm_wake.set()
    return response


def _with_defaults(properties: Record) -> Record:
    return (STREAM_DEFAULTS if is_of_stream(properties) else DEFAULTS) | properties


def _parse_numbers(props: Record) -> Record:
    """Convert numbers and booleans: parameters of a template are text."""
    typed = dict(props)
    for name, default in STREAM_DEFAULTS.items():
        value = props.get(name)
        if isinstance(value, str) and isinstance(default, int):
            typed[name] = value.lower() == "true" if isinstance(default, bool) else int(value)
    return typed


def _set_state(mapping: Record) -> None:
    mapping["State"] = "Enabled" if mapping["Enabled"] else "Disabled"
    _, mapping["Qualifier"] = lambda_svc._resolve_request_scoped_name_and_qualifier(
        mapping["FunctionArn"]
    )


def _raise_rejection(props: Record) -> None:
    function, name, _, _ = provisioners._lambda_function_for_cfn_ref(props["FunctionName"])
    if function is None:
        raise ValueError(f"Function not found: {name}")
    if message := _rejection(name, props):
        raise ValueError(message)


def _rejection(function: str, properties: Record) -> str | None:
    return next(_rejections(lambda_svc._functions[function]["config"], properties), None)


def _rejections(function: Record, properties: Record) -> Iterator[str]:
    source, role = properties["EventSourceArn"], function["Role"]
    if is_of_stream(properties):
        if not all(_is_allowed(role, f"dynamodb:{it}", source) for it in STREAM_ACTIONS):
            yield (
                f"Cannot access stream {source}. Please ensure the role can perform the "
                f"{', '.join(STREAM_ACTIONS)} Actions on your stream in IAM."
            )
    elif queue := sqs._queue_by_arn(source):
        for action in QUEUE_ACTIONS:
            if not _is_allowed(role, f"sqs:{action}", source):
                yield (
                    f"The provided execution role does not have permissions to call {action} on SQS"
                )
        visibility = int(queue["attributes"].get("VisibilityTimeout", 30))
        if visibility < function["Timeout"]:
            yield (
                f"Queue visibility timeout: {visibility} seconds is less than "
                f"Function timeout: {function['Timeout']} seconds"
            )
        window = int(properties.get("MaximumBatchingWindowInSeconds") or 0)
        if int(properties.get("BatchSize", 10)) > 10 and window < 1:
            yield (
                "Maximum batch window in seconds must be greater than 0 if maximum batch size "
                "is greater than 10"
            )
    destination = ((properties.get("DestinationConfig") or {}).get("OnFailure") or {}).get(
        "Destination"
    )
    if destination:
        if ":sqs:" not in destination:
            yield f"Only queues are destinations in the local cloud, not {destination}"
        elif not _is_allowed(role, "sqs:SendMessage", destination):
            yield "The function execution role does not have permissions to call SendMessage on SQS"
    for it in (properties.get("FilterCriteria") or {}).get("Filters") or []:
        if error := eventbridge._event_pattern_error(it["Pattern"]):
            yield f"Invalid filter pattern definition: {error}"


def _is_allowed(role: str, action: str, resource: str) -> bool:
    """Whether a function's role, with which its mapping acts, allows an action."""
    account, name = role.split(":")[4], role.rpartition("/")[2]
    context = iam_evaluator.EvalContext(
        principal_arn=role,
        principal_type="AssumedRole",
        principal_account=account,
        action=action,
        resource_arn=resource,
        region=get_region(),
    )
    policies = iam_evaluator._gather_role_policies(name, account)
    return bool(iam_evaluator.evaluate(context, policies).decision == "Allow")
