"""Resources that an earlier stack of the same name left behind."""

import re
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator
from typing import Any  # botocore's clients and responses

from tools.deployments import Deployment
from tools.local_cloud.project import retained_resources

_STACK_TAG = "aws:cloudformation:stack-name"


def existing(deployment: Deployment, named: Iterable[tuple[str, str]]) -> list[str]:
    """Return those of the resources, given by type and name, that exist, for people to read.

    The parameter `/<stack>/jwks` is not among them: the function that writes it overwrites it.
    """
    names_by_type = defaultdict(set)
    for type_, name in named:
        names_by_type[type_].add(name)
    found = []
    for type_, names in names_by_type.items():
        # The local cloud has no X-Ray.
        if deployment.is_local and type_ == "AWS::XRay::SamplingRule":
            continue
        kind, find = _FINDERS[type_]
        found += [f"{kind} {name}" for name in sorted(names & {*find(deployment, names)})]
    return found


def retained_tables(deployment: Deployment) -> list[str]:
    """Return the tables named `<stack>-<logical id>-<generated>`, of this stack or an earlier one.

    Only tables that outlive their stack are included.
    """
    ids = "|".join(sorted(retained_resources(deployment.template)))
    name = re.compile(rf"{re.escape(deployment.stack)}-({ids})-[A-Za-z0-9]+")
    pages = _pages(deployment, "dynamodb", "list_tables", "TableNames")
    return [table for table in pages if name.fullmatch(table)]


def retained_secrets(deployment: Deployment) -> list[str]:
    """Return the ARNs of the secrets that CloudFormation tagged with the stack's name."""
    tag = {"Key": _STACK_TAG, "Value": deployment.stack}
    secrets = _pages(deployment, "secretsmanager", "list_secrets", "SecretList")
    return [secret["ARN"] for secret in secrets if tag in secret.get("Tags", [])]


def log_groups(deployment: Deployment) -> list[str]:
    """Return the log groups `/<stack>/…`."""
    prefix = {"logGroupNamePrefix": f"/{deployment.stack}/"}
    groups = _pages(deployment, "logs", "describe_log_groups", "logGroups", **prefix)
    return [group["logGroupName"] for group in groups]


def _pages(
    deployment: Deployment, service: str, operation: str, key: str, **arguments: object
) -> Iterator[Any]:
    """Yield the items of all pages of a response."""
    for page in deployment.client(service).get_paginator(operation).paginate(**arguments):
        yield from page[key]


def _found(
    names: Iterable[str], find: Callable[[str], object], missing: type[Exception]
) -> Iterator[str]:
    """Yield the names that a call for each finds."""
    for name in names:
        try:
            find(name)
        except missing:
            continue
        yield name


def _functions(deployment: Deployment, names: Collection[str]) -> Iterator[str]:
    # One call for each: the deployer may not list the functions of the account.
    lambda_ = deployment.client("lambda")
    return _found(
        names,
        lambda name: lambda_.get_function_configuration(FunctionName=name),
        lambda_.exceptions.ResourceNotFoundException,
    )


def _log_groups(deployment: Deployment, _: Collection[str]) -> Iterable[str]:
    return log_groups(deployment)


def _buses(deployment: Deployment, _: Collection[str]) -> Iterator[str]:
    buses = deployment.client("events").list_event_buses(NamePrefix=deployment.stack)
    yield from (bus["Name"] for bus in buses["EventBuses"])


def _rules(deployment: Deployment, names: Collection[str]) -> Iterator[str]:
    events = deployment.client("events")
    return _found(
        names,
        lambda name: events.describe_rule(Name=name),
        events.exceptions.ResourceNotFoundException,
    )


def _alarms(deployment: Deployment, names: Collection[str]) -> Iterator[str]:
    alarms = deployment.client("cloudwatch").describe_alarms(AlarmNames=sorted(names))
    yield from (alarm["AlarmName"] for alarm in alarms["MetricAlarms"])


def _dashboards(deployment: Deployment, _: Collection[str]) -> Iterator[str]:
    prefix = {"DashboardNamePrefix": deployment.stack}
    for it in _pages(deployment, "cloudwatch", "list_dashboards", "DashboardEntries", **prefix):
        yield it["DashboardName"]


def _sampling_rules(deployment: Deployment, _: Collection[str]) -> Iterator[str]:
    for record in _pages(deployment, "xray", "get_sampling_rules", "SamplingRuleRecords"):
        yield record["SamplingRule"]["RuleName"]


def _configuration_sets(deployment: Deployment, names: Collection[str]) -> Iterator[str]:
    ses = deployment.client("sesv2")
    return _found(
        names,
        lambda name: ses.get_configuration_set(ConfigurationSetName=name),
        ses.exceptions.NotFoundException,
    )


type _Find = Callable[[Deployment, Collection[str]], Iterable[str]]

_FINDERS: dict[str, tuple[str, _Find]] = {
    "AWS::CloudWatch::Alarm": ("alarm", _alarms),
    "AWS::CloudWatch::Dashboard": ("dashboard", _dashboards),
    "AWS::Events::EventBus": ("event bus", _buses),
    "AWS::Events::Rule": ("rule", _rules),
    "AWS::Lambda::Function": ("function", _functions),
    "AWS::Logs::LogGroup": ("log group", _log_groups),
    "AWS::SES::ConfigurationSet": ("configuration set of SES", _configuration_sets),
    "AWS::XRay::SamplingRule": ("sampling rule", _sampling_rules),
}
