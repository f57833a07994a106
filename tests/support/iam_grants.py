"""What functions may do and what they asked for, by the logical ids of the template."""

import re
from collections.abc import Iterator
from typing import Any, NamedTuple

from tests.support.permission_records import Record
from tests.support.sam_template import ROOT
from tools.local_cloud.project import read_deployment

# Any: the translated template, and what is in it.
type Template = dict[str, dict[str, Any]]

# What stands before a resource's name in an ARN, without partition, region and account.
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
    """What the policies in the functions' roles allow."""
    found = set()
    for function, properties in _of(translated, "AWS::Lambda::Function"):
        role = translated[properties["Role"]["Fn::GetAtt"][0]]["Properties"]
        for policy in role.get("Policies", []):
            for statement in policy["PolicyDocument"]["Statement"]:
                for action in _listed(statement["Action"]):
                    for resource in _listed(statement["Resource"]):
                        found.add(Grant(function, action, _written(resource)))
    return found


def asked(translated: Template, record: Record, *, in_vain: bool = True) -> set[Grant]:
    """What the functions of one stack asked for, with or without what was denied."""
    roles = {
        # Without a physical id, where a condition left it out.
        record.resources.get(properties["Role"]["Fn::GetAtt"][0]): function
        for function, properties in _of(translated, "AWS::Lambda::Function")
    }
    names = dict(_names(translated, record))
    return {
        Grant(roles[it.role], it.action, _named(it.resource, names))
        for it in record.asked
        # Tests have roles and stacks of their own.
        if it.role in roles and (it.allowed or in_vain)
    }


def _of(translated: Template, type_: str) -> Iterator[tuple[str, dict[str, Any]]]:
    for name, resource in translated.items():
        if resource["Type"] == type_:
            yield name, resource["Properties"]


def _listed[Item](one_or_many: Item | list[Item]) -> list[Item]:
    return one_or_many if isinstance(one_or_many, list) else [one_or_many]


def _written(resource: dict[str, Any]) -> str:
    """A statement's resource, which is one of the ways in which templates name them."""
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
    """The service and what follows the account."""
    _, _, service, _, _, rest = arn.split(":", 5)
    return f"{service}:{rest}"


def _names(translated: Template, record: Record) -> Iterator[tuple[str, str]]:
    """What ARNs say, and the logical ids for it."""
    for name, resource in translated.items():
        if name in record.resources and (kind := KINDS.get(resource["Type"])):
            # A queue's physical id is its URL, a secret's its ARN.
            yield kind + re.split("[/:]", record.resources[name])[-1], name
    deployment = read_deployment(ROOT)
    yield f"/{deployment.stack_name}/", "/${AWS::StackName}/"
    for parameter, value in (it.split("=", 1) for it in deployment.parameters):
        yield f"identity/{value}", f"identity/${{{parameter}}}"


def _named(arn: str, names: dict[str, str]) -> str:
    # A stream's own name is a time.
    named = re.sub("/stream/.*", "/stream", _placeless(arn))
    for said, name in names.items():
        named = named.replace(said, name)
    return named
