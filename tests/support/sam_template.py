"""The content of template.yaml, for tests that compare code and template."""

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]


class _Loader(yaml.SafeLoader):
    """A loader that reads `!Ref X` as `{"Ref": "X"}` and `!Sub X` as `{"Fn::Sub": "X"}`."""


def _intrinsic(loader: _Loader, tag: str, node: yaml.Node) -> dict[str, Any]:
    name = tag if tag in ("Ref", "Condition") else f"Fn::{tag}"
    if isinstance(node, yaml.ScalarNode):
        return {name: loader.construct_scalar(node)}
    if isinstance(node, yaml.SequenceNode):
        return {name: loader.construct_sequence(node, deep=True)}
    assert isinstance(node, yaml.MappingNode)
    return {name: loader.construct_mapping(node, deep=True)}


_Loader.add_multi_constructor("!", _intrinsic)


@cache
def template() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.load((ROOT / "template.yaml").read_text(), _Loader)
    return loaded


def resources(type_: str) -> dict[str, dict[str, Any]]:
    """Return the properties of every resource of a type, by logical id."""
    return {
        name: resource["Properties"]
        for name, resource in template()["Resources"].items()
        if resource["Type"] == type_
    }


@dataclass(frozen=True)
class Function:
    name: str  # logical id
    path: Path  # the handler's file
    route: str | None  # `METHOD /path`
    is_public: bool  # without an authorizer
    has_head: bool  # in addition to GET

    @property
    def module(self) -> str:
        return f"functions.{self.path.parent.name}.{self.path.stem}"


@cache
def functions() -> list[Function]:
    found = []
    for name, properties in resources("AWS::Serverless::Function").items():
        module = properties["Handler"].removesuffix(".handler")
        event = properties.get("Events", {}).get("Http", {}).get("Properties")
        head = properties.get("Events", {}).get("HttpHead", {}).get("Properties")
        found.append(
            Function(
                name=name,
                path=ROOT / properties["CodeUri"] / f"{module}.py",
                route=f"{event['Method']} {event['Path']}" if event else None,
                is_public=bool(event) and event.get("Auth", {}).get("Authorizer") == "NONE",
                has_head=bool(event) and head == event | {"Method": "HEAD"},
            )
        )
    return found
