"""What AWS fails a deployment for, so that it fails here as well."""

import json
from typing import Any
from uuid import uuid4

import pytest

from tests.local_cloud.watching import Queue, Table
from tests.support.waiting import eventually
from tools.local_cloud.stack import LocalStack

Properties = dict[str, Any]


def reasons(stack: LocalStack, kind: str, properties: Properties) -> str:
    """Why a template of one resource could not be deployed; empty if it was."""
    cloudformation, name = stack.client("cloudformation"), f"refused-{uuid4().hex[:8]}"
    template = {"Resources": {"It": {"Type": kind, "Properties": properties}}}
    cloudformation.create_stack(StackName=name, TemplateBody=json.dumps(template))

    def settled() -> str | None:
        [found] = cloudformation.describe_stacks(StackName=name)["Stacks"]
        status: str = found["StackStatus"]
        return None if status.endswith("IN_PROGRESS") else status

    status = eventually(settled)
    events = cloudformation.describe_stack_events(StackName=name)["StackEvents"]
    cloudformation.delete_stack(StackName=name)
    if status == "CREATE_COMPLETE":
        return ""
    return "\n".join(it.get("ResourceStatusReason", "") for it in events)


def refusal(stack: LocalStack, function: str, **more: Any) -> str:
    mapping = {
        "FunctionName": f"{stack.resources()[function]}:live",
        "EventSourceArn": Table(stack).stream,
        "StartingPosition": "LATEST",
    }
    return reasons(stack, "AWS::Lambda::EventSourceMapping", mapping | more)


def test_an_alias_of_a_template_to_a_missing_version_fails_the_deployment(
    stack: LocalStack,
) -> None:
    alias = {"FunctionName": stack.resources()["Stored"], "Name": "new", "FunctionVersion": "99"}

    assert "Function not found: " in reasons(stack, "AWS::Lambda::Alias", alias)


def test_a_rule_is_deployed(stack: LocalStack) -> None:
    rule = {"EventPattern": {"source": ["shop"]}}

    assert reasons(stack, "AWS::Events::Rule", rule) == ""


@pytest.mark.parametrize(
    ("rule", "reason"),
    [
        ({"EventPattern": {"source": "shop"}}, "Event pattern is not valid"),
        ({"EventBusName": "none", "EventPattern": {"source": ["shop"]}}, "does not exist"),
    ],
)
def test_a_rule_of_no_bus_or_pattern_is_not(
    stack: LocalStack, rule: Properties, reason: str
) -> None:
    assert reason in reasons(stack, "AWS::Events::Rule", rule)


def test_a_mapping_is_deployed_whose_parameter_is_text(stack: LocalStack) -> None:
    assert refusal(stack, "Watcher", Enabled="false") == ""


def test_a_mapping_of_a_function_that_may_not_read_is_not(stack: LocalStack) -> None:
    assert "Cannot access stream" in refusal(stack, "Echo")


def test_a_mapping_of_a_function_that_may_not_tell_of_failures_is_not(stack: LocalStack) -> None:
    to_closed = {"OnFailure": {"Destination": Queue(stack).arn}}

    assert "call SendMessage" in refusal(stack, "Follow", DestinationConfig=to_closed)


def test_a_mapping_with_a_filter_that_is_none_is_not(stack: LocalStack) -> None:
    filters = {"Filters": [{"Pattern": '{"eventName": "INSERT"}'}]}

    assert "Invalid filter pattern" in refusal(stack, "Watcher", FilterCriteria=filters)
