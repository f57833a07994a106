"""Functions, layers and parameters of a project, from its template and samconfig.toml."""

import platform
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from typing import Any

import yaml


@dataclass(frozen=True)
class Function:
    logical_id: str
    folder: Path
    handler: str
    layers: frozenset[str]


@dataclass(frozen=True)
class Layer:
    logical_id: str
    folder: Path


@dataclass(frozen=True)
class Project:
    template: Path
    parts: frozenset[Path]  # the template, files that it includes, and operations.yaml
    functions: tuple[Function, ...]
    layers: tuple[Layer, ...]


@dataclass(frozen=True)
class Deployment:
    """The ``default`` environment of samconfig.toml, for this machine's architecture."""

    stack_name: str
    region: str
    parameters: tuple[str, ...]


def read_deployment(project: Path) -> Deployment:
    configuration = tomllib.loads((project / "samconfig.toml").read_text())["default"]
    shared = configuration["global"]["parameters"]
    overrides = configuration.get("deploy", {}).get("parameters", {}).get("parameter_overrides", "")
    return Deployment(
        shared["stack_name"],
        shared["region"],
        (*overrides.split(), f"Architecture={architecture()}"),
    )


def architecture() -> str:
    """Return Lambda's name of this machine's architecture."""
    return "arm64" if platform.machine() in ("arm64", "aarch64") else "x86_64"


def release(code: str, parameters: Mapping[str, str]) -> str:
    """Return the id of a release: its code, such as `v1.2.0`, and a digest of its parameters.

    It is the parameter `Release`. Each new value publishes new versions of the functions.
    """
    text = " ".join(f"{name}={value}" for name, value in sorted(parameters.items()))
    return f"{re.sub('[^A-Za-z0-9._-]', '-', code)}-{sha256(text.encode()).hexdigest()[:8]}"


def resulting_parameters(
    template: Path, stack: Mapping[str, Any] | None, given: Mapping[str, str]
) -> dict[str, str]:
    """Return all parameters after a deployment: deployed ones stay unless they are given.

    ``stack`` is CloudFormation's description. Parameters that the template no longer has are gone.
    """
    found = {n: str(it.get("Default", "")) for n, it in declared_parameters(template).items()}
    for parameter in (stack or {}).get("Parameters", []):
        if parameter["ParameterKey"] in found:
            found[parameter["ParameterKey"]] = parameter["ParameterValue"]
    return found | dict(given)


def operations_template(project: Path) -> Path | None:
    """Return the template of the operations stack, if the project has one."""
    template = project / "operations.yaml"
    return template if template.exists() else None


def operations_parameters(template: Path, stack: Mapping[str, Any]) -> dict[str, str]:
    """Return the parameters of the operations stack, from CloudFormation's description of the shop.

    Each is the parameter or output of the shop with its name.
    """
    found = {it["ParameterKey"]: it["ParameterValue"] for it in stack.get("Parameters", [])}
    found |= {it["OutputKey"]: it["OutputValue"] for it in stack.get("Outputs", [])}
    found["Shop"] = stack["StackName"]
    return {name: found[name] for name in declared_parameters(template)}


def retained_resources(template: Path) -> set[str]:
    """Return the logical ids of resources with data, which outlive their stack."""
    document = _parsed(template.read_text())
    return {
        logical_id
        for logical_id, resource in document["Resources"].items()
        if resource.get("DeletionPolicy") == "RetainExceptOnCreate"
    }


# Properties that name a resource. A generated name is never in use already. The names of APIs and
# saved queries may be used twice: PutQueryDefinition identifies a query by a generated id.
# https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutQueryDefinition.html
_NAME_PROPERTIES = {
    "AWS::CloudWatch::Alarm": ("AlarmName",),
    "AWS::CloudWatch::Dashboard": ("DashboardName",),
    "AWS::Events::EventBus": ("Name",),
    "AWS::Events::Rule": ("Name",),
    "AWS::Logs::LogGroup": ("LogGroupName",),
    "AWS::SES::ConfigurationSet": ("Name",),
    "AWS::Serverless::Function": ("FunctionName",),
    "AWS::XRay::SamplingRule": ("SamplingRule", "RuleName"),
}


def literal_names(template: Path, stack: str) -> Iterator[tuple[str, str]]:
    """Yield the type and the name of each resource whose name the template gives.

    Rules of a custom bus are not included: they exist only if their bus does.
    """
    document = _parsed(template.read_text())
    for resource in document["Resources"].values():
        properties = resource.get("Properties", {})
        for event in properties.get("Events", {}).values():
            if name := event.get("Properties", {}).get("Name"):
                yield "AWS::Events::Rule", _named_after(name, stack)
        if "EventBusName" in properties or resource["Type"] not in _NAME_PROPERTIES:
            continue
        name = properties
        for part in _NAME_PROPERTIES[resource["Type"]]:
            name = name.get(part, {})
        if name:
            yield resource["Type"].replace("Serverless", "Lambda"), _named_after(name, stack)


def _named_after(name: str, stack: str) -> str:
    for reference in ("${AWS::StackName}", "${Shop}", "AWS::StackName", "Shop"):
        name = name.replace(reference, stack)
    return name


# Any: rules of a parameter, such as Default or AllowedValues.
def declared_parameters(template: Path) -> dict[str, dict[str, Any]]:
    """Return the parameters of a template with their rules."""
    document = _parsed(template.read_text())
    found: dict[str, dict[str, Any]] = document.get("Parameters", {})
    return found


def read_project(template: Path) -> Project:
    """Read the serverless functions and layers of a SAM template, global properties included."""
    document = _parsed(template.read_text())
    shared = document.get("Globals", {}).get("Function", {})
    functions, layers = [], []
    for logical_id, resource in document["Resources"].items():
        properties = resource.get("Properties", {})
        match resource["Type"]:
            case "AWS::Serverless::Function":
                own = shared | properties
                attached = [*shared.get("Layers", []), *properties.get("Layers", [])]
                functions.append(
                    Function(
                        logical_id,
                        (template.parent / own["CodeUri"]).resolve(),
                        own["Handler"],
                        frozenset(_referred(it) for it in attached),
                    )
                )
            case "AWS::Serverless::LayerVersion":
                folder = (template.parent / properties["ContentUri"]).resolve()
                layers.append(Layer(logical_id, folder))
    parts = {template, *(template.parent / it for it in _included(document))}
    if operations := operations_template(template.parent):
        parts.add(operations)
    return Project(template, frozenset(parts), tuple(functions), tuple(layers))


def read_tables(template: Path) -> dict[str, dict[str, Any]]:
    """Return the CreateTable arguments of each table, by the environment variable of its name."""
    document = _parsed(template.read_text())
    taken = ("AttributeDefinitions", "KeySchema", "BillingMode", "GlobalSecondaryIndexes")
    return {
        setting: {name: properties[name] for name in taken if name in properties}
        for setting, table in document["Globals"]["Function"]["Environment"]["Variables"].items()
        if setting.endswith("_TABLE")
        for properties in [document["Resources"][table]["Properties"]]
    }


def read_services(template: Path) -> set[str]:
    """The AWS services that functions may call by their policies, as botocore names them."""
    document = _parsed(template.read_text())
    return {
        _BOTOCORE_NAMES.get(service, service)
        for resource in document["Resources"].values()
        if resource["Type"] == "AWS::Serverless::Function"
        for policy in resource["Properties"].get("Policies", [])
        for statement in policy["Statement"]
        for action in _listed(statement["Action"])
        for service in [action.partition(":")[0]]
    }


def _included(part: object) -> Iterator[str]:
    """Yield the locations of the files that a part of a template includes."""
    match part:
        case {"Name": "AWS::Include", "Parameters": {"Location": str(location)}}:
            yield location
        case dict():
            for inner in part.values():
                yield from _included(inner)
        case list():
            for inner in part:
                yield from _included(inner)


_BOTOCORE_NAMES = {"ses": "sesv2"}  # the IAM prefix differs


def _listed(value: object) -> list[str]:
    return value if isinstance(value, list) else [str(value)]


def _referred(layer: object) -> str:
    return str(layer["Ref"] if isinstance(layer, dict) else layer)


# Any: a template has values of many types. Cached, since parsing takes 30 ms.
@lru_cache(maxsize=4)
def _parsed(template: str) -> Any:
    return yaml.load(template, _IntrinsicsAsText)


class _IntrinsicsAsText(yaml.CSafeLoader):
    """Loader that reads ``!Ref Name`` as ``Name``, which is all that this module needs."""


# Any: PyYAML's nodes are untyped.
def _content(loader: Any, _: str, node: Any) -> object:
    if isinstance(node, yaml.ScalarNode):
        return loader.construct_scalar(node)
    if isinstance(node, yaml.SequenceNode):
        return loader.construct_sequence(node, deep=True)
    return loader.construct_mapping(node, deep=True)


_IntrinsicsAsText.add_multi_constructor("!", _content)
