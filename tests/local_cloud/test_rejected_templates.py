"""Templates that AWS rejects fail their deployment."""

import json
from typing import Any
from uuid import uuid4

import pytest

from tests.support.event_sources import Queue, Table
from tests.support.waiting import eventually
from tools.local_cloud.stack import LocalStack

Properties = dict[str, Any]


def deployment_failure(stack: LocalStack, kind: str, properties: Properties) -> str:
    """Deploy one resource; return the reasons of its failure, or an empty string."""
    cloudformation, name = stack.client("cloudformation"), f"rejected-{uuid4().hex[:8]}"
    template = {"Resources": {"It": {"Type": kind, "Properties": properties}}}
    cloudformation.create_stack(StackName=name, TemplateBody=json.dumps(template))

    def final_status() -> str | None:
        [found] = cloudformation.describe_stacks(StackName=name)["Stacks"]
        status: str = found["StackStatus"]
        return None if status.endswith("IN_PROGRESS") else status

    status = eventually(final_status)
    events = cloudformation.describe_stack_events(StackName=name)["StackEvents"]
    cloudformation.delete_stack(StackName=name)
    if status == "CREATE_COMPLETE":
        return ""
    return "\n".join(it.get("ResourceStatusReason", "") for it in events)


def mapping_failure(stack: LocalStack, function: str, **more: Any) -> str:
    mapping = {
        "FunctionName": f"{stack.resources()[function]}:live",
        "EventSourceArn": Table(stack).stream,
        "StartingPosition": "LATEST",
    }
    return deployment_failure(stack, "AWS::Lambda::EventSourceMapping", mapping | more)


def test_template_alias_to_a_missing_version_is_rejected(
    stack: LocalStack,
) -> None:
    alias = {"FunctionName": stack.resources()["Stored"], "Name": "new", "FunctionVersion": "99"}

    assert "Function not found: " in deployment_failure(stack, "AWS::Lambda::Alias", alias)


def test_template_rule_is_deployed(stack: LocalStack) -> None:
    rule = {"EventPattern": {"source": ["shop"]}}

    assert deployment_failure(stack, "AWS::Events::Rule", rule) == ""


@pytest.mark.parametrize(
    ("rule", "reason"),
    [
        ({"EventPattern": {"source": "shop"}}, "Event pattern is not valid"),
        ({"EventBusName": "none", "EventPattern": {"source": ["shop"]}}, "does not exist"),
    ],
)
def test_template_rule_without_a_bus_or_valid_pattern_is_rejected(
    stack: LocalStack, rule: Properties, reason: str
) -> None:
    assert reason in deployment_failure(stack, "AWS::Events::Rule", rule)


def test_template_mapping_with_text_parameters_is_deployed(stack: LocalStack) -> None:
    assert mapping_failure(stack, "Watcher", Enabled="false") == ""


def test_template_mapping_without_read_permission_is_rejected(stack: LocalStack) -> None:
    assert "Cannot access stream" in mapping_failure(stack, "Echo")


def test_template_mapping_without_destination_permission_is_rejected(stack: LocalStack) -> None:
    to_closed = {"OnFailure": {"Destination": Queue(stack).arn}}

    assert "call SendMessage" in mapping_failure(stack, "Follow", DestinationConfig=to_closed)


def test_template_mapping_with_an_invalid_filter_is_rejected(stack: LocalStack) -> None:
    filters = {"Filters": [{"Pattern": '{"eventName": "INSERT"}'}]}

    assert "Invalid filter pattern" in mapping_failure(stack, "Watcher", FilterCriteria=filters)
