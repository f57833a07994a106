"""Alarms, dashboard and metrics of the template, with references resolved, for tests."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any  # template values are any YAML

from tests.support.sam_template import operations, resources, template

STACK = "shop-test"


@dataclass(frozen=True)
class Metric:
    namespace: str
    name: str
    dimensions: frozenset[str]


def known(namespace: str, dimensions: str, names: str) -> set[Metric]:
    keys = frozenset(dimensions.split())
    return {Metric(namespace, name, keys) for name in names.split()}


# Metrics of AWS services and of this stack that the template uses. Add a new one from
# https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/aws-services-cloudwatch-metrics.html
METRICS = (
    known("AWS/ApiGateway", "ApiName", "Count 4XXError 5XXError Latency IntegrationLatency")
    | known("AWS/Lambda", "", "Throttles ConcurrentExecutions")
    | known("AWS/Lambda", "FunctionName", "Errors Duration IteratorAge")
    | known("AWS/Lambda", "ExecutedVersion FunctionName Resource", "Errors")
    | known(
        "AWS/SQS",
        "QueueName",
        "ApproximateAgeOfOldestMessage ApproximateNumberOfMessagesVisible"
        " ApproximateNumberOfMessagesDelayed",
    )
    | known("AWS/Events", "EventBusName RuleName", "FailedInvocations")  # of a custom bus
    | known("AWS/Events", "RuleName", "FailedInvocations")  # of the default bus
    | known("AWS/DynamoDB", "TableName", "ConsumedReadCapacityUnits ConsumedWriteCapacityUnits")
    | known(
        "AWS/DynamoDB",
        "GlobalSecondaryIndexName TableName",
        "ConsumedReadCapacityUnits ConsumedWriteCapacityUnits",
    )
    | known("AWS/DynamoDB", "Operation TableName", "ThrottledRequests SystemErrors")
    | known("AWS/SES", "ses:configuration-set", "Bounce Complaint")
    | known("AWS/Logs", "LogGroupName", "IncomingBytes")
    | known(
        STACK,
        "",
        "SignUps LogInsFailed LogInsThrottled WrongCodes RefreshReuse OrdersPlaced StockRefusals"
        " OAuthRefreshReuse CodesReplayed ClientsRefused"
        " PasskeysAdded PasskeyLogIns PasskeysCopied"
        " MalformedPasswordHashes RejectedEmails"
        " WebhooksDelivered WebhooksRefused WebhookEndpointsDisabled",
    )
    | known(STACK, "currency", "OrderValue")
    | known(STACK, "route", "Latency")
)


def filled(value: Any) -> Any:
    """Return the deployed value, with `<Logical.Attribute>` for values that only AWS knows."""
    if isinstance(value, list):
        return [filled(item) for item in value]
    if not isinstance(value, dict):
        return value
    if value.keys() == {"Ref"}:
        return _reference(value["Ref"])
    if value.keys() == {"Fn::GetAtt"}:
        return f"<{value['Fn::GetAtt']}>"
    if value.keys() == {"Fn::Select"}:
        return filled(value["Fn::Select"][1]["Fn::Split"][1])  # a name in an ARN
    if value.keys() == {"Fn::Sub"}:
        return re.sub(r"\$\{([^}]+)\}", lambda found: _reference(found[1]), value["Fn::Sub"])
    return {key: filled(item) for key, item in value.items()}


def _reference(name: str) -> str:
    if name in ("AWS::StackName", "Shop"):
        return STACK
    # Parameters of operations.yaml are parameters and outputs of template.yaml.
    if name in operations()["Parameters"] and name in template()["Outputs"]:
        return str(filled(template()["Outputs"][name]["Value"]))
    parameter = template()["Parameters"].get(name)
    return str(parameter["Default"]) if parameter else f"<{name}>"


def alarms() -> dict[str, dict[str, Any]]:
    return {name: filled(it) for name, it in resources("AWS::CloudWatch::Alarm").items()}


def metrics_of(alarm: dict[str, Any]) -> Iterator[Metric]:
    """Yield the billed metrics of an alarm: by name, or one for each query."""
    if "MetricName" in alarm:
        yield _metric(alarm)
    for entry in alarm.get("Metrics", []):
        if "MetricStat" in entry:
            yield _metric(entry["MetricStat"]["Metric"])
        elif entry["Expression"].startswith("SELECT"):
            yield from asked_for(entry["Expression"])


def _metric(declared: dict[str, Any]) -> Metric:
    names = frozenset(dimension["Name"] for dimension in declared.get("Dimensions", []))
    return Metric(declared["Namespace"], declared["MetricName"], names)


def dashboard() -> dict[str, Any]:
    (properties,) = resources("AWS::CloudWatch::Dashboard").values()
    read: dict[str, Any] = json.loads(filled(properties["DashboardBody"]))
    return read


def shown(widget: dict[str, Any]) -> Iterator[Metric]:
    """Yield the metrics of a widget, including those of its SEARCH expressions."""
    for row in widget["properties"].get("metrics", []):
        if isinstance(row[0], dict):
            yield from asked_for(row[0]["expression"])
        else:
            namespace, name, *rest = [part for part in row if isinstance(part, str)]
            yield Metric(namespace, name, frozenset(rest[::2]))


def asked_for(expression: str) -> Iterator[Metric]:
    """Yield the metrics of SEARCH and SELECT in a metric math expression."""
    for schema, name in re.findall(r"SEARCH\('\{([^}]+)\} MetricName=\"(\w+)\"", expression):
        namespace, *dimensions = schema.replace('"', "").split(",")
        yield Metric(namespace, name, frozenset(dimensions))
    for name, schema in re.findall(r"SELECT SUM\((\w+)\) FROM SCHEMA\(([^)]+)\)", expression):
        namespace, *dimensions = schema.replace('"', "").split(", ")
        yield Metric(namespace, name, frozenset(dimensions))
