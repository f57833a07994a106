"""Granted and requested permissions of functions, by the logical ids of the template."""

import re
from collections.abc import Iterator
from typing import Any, NamedTuple

from tests.support.permission_records import Record
from tests.support.sam_template import ROOT
from tools.local_cloud.project import read_deployment

# Any: properties of the expanded template.
type Template = dict[str, dict[str, Any]]

# The prefix of a resource name in an ARN, without partition, region and account.
KINDS = {
    "AWS::DynamoDB::Table": "dynamodb:table/",
    "AWS::Events::EventBus": "events:event-bus/",
    "AWS::SecretsManager::Secret": "secretsmanager:secret:",
    "AWS::SQS::Queue": "sqs:",
}
PLACE = re.compile(r"\$\{AWS::(Partition|Region|AccountId)\}")


class Grant(NamedTuple):
    function: str
    action: str
    resource: str  # `UsersTable`, `UsersTable/index/by_id`, `ssm:parameter/${AWS::StackName}/jwks`


def granted(translated: Template) -> set[Grant]:
    """Return the permissions in the policies of the functions' roles."""
    found = set()
    for function, properties in _of(translated, "AWS::Lambda::Function"):
        role = translated[properties["Role"]["Fn::GetAtt"][0]]["Properties"]
        for policy in role.get("Policies", []):
            for statement in policy["PolicyDocument"]["Statement"]:
                for action in _listed(statement["Action"]):
                    for resource in _listed(statement["Resource"]):
                        found.add(Grant(function, action, _written(resource)))
    return found


def asked(translated: Template, record: Record, *, with_denied: bool = True) -> set[Grant]:
    """Return the permissions that functions of one stack requested, with or without denied ones."""
    roles = {
        # A role that a condition excludes has no physical id.
        record.resources.get(properties["Role"]["Fn::GetAtt"][0]): function
        for function, properties in _of(translated, "AWS::Lambda::Function")
    }
    names = dict(_names(translated, record))
    return {
        Grant(roles[it.role], it.action, _named(it.resource, names))
        for it in record.asked
        # Tests use roles and stacks of their own.
        if it.role in roles and (it.allowed or with_denied)
    }


def _of(translated: Template, type_: str) -> Iterator[tuple[str, dict[str, Any]]]:
    for name, resource in translated.items():
        if resource["Type"] == type_:
            yield name, resource["Properties"]


def _listed[Item](one_or_many: Item | list[Item]) -> list[Item]:
    return one_or_many if isinstance(one_or_many, list) else [one_or_many]


def _written(resource: dict[str, Any]) -> str:
    """Return the name of a statement's resource in any form that templates use."""
    match resource:
        case {"Ref": name} | {"Fn::GetAtt": [name, "Arn"]}:
            return str(name)
        case {"Fn::GetAtt": [name, "StreamArn"]}:
            return f"{name}/stream"
        case {"Fn::Sub": text} if text.startswith("arn:"):
            return _placeless(PLACE.sub("", text))
        case {"Fn::Sub": text}:
            return str(text.replace("${", "").replace(".Arn}", ""))
    raise ValueError(f"Say in {__name__} how this names a resource: {resource}")


def _placeless(arn: str) -> str:
    """Return the service and the part after the account."""
    _, _, service, _, _, rest = arn.split(":", 5)
    return f"{service}:{rest}"


def _names(translated: Template, record: Record) -> Iterator[tuple[str, str]]:
    """Yield the names in ARNs with their logical ids."""
    for name, resource in translated.items():
        if name in record.resources and (kind := KINDS.get(resource["Type"])):
            # The physical id of a queue is its URL, that of a secret its ARN.
            yield kind + re.split("[/:]", record.resources[name])[-1], name
    deployment = read_deployment(ROOT)
    yield f"/{deployment.stack_name}/", "/${AWS::StackName}/"
    for parameter, value in (it.split("=", 1) for it in deployment.parameters):
        yield f"identity/{value}", f"identity/${{{parameter}}}"


def _named(arn: str, names: dict[str, str]) -> str:
    # The name of a stream is a timestamp.
    named = re.sub("/stream/.*", "/stream", _placeless(arn))
    for said, name in names.items():
        named = named.replace(said, name)
    return named
