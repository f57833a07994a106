"""The content of template.yaml and operations.yaml, for tests that compare code and template."""

import json
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
RPC = "POST /shop.v1."


class _Loader(yaml.CSafeLoader):
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


@cache
def operations() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.load((ROOT / "operations.yaml").read_text(), _Loader)
    return loaded


def resources(type_: str) -> dict[str, dict[str, Any]]:
    """Return the properties of every resource of a type in both templates, by logical id."""
    return {
        name: resource["Properties"]
        for name, resource in {**template()["Resources"], **operations()["Resources"]}.items()
        if resource["Type"] == type_
    }


@dataclass(frozen=True)
class Function:
    name: str  # logical id
    path: Path  # the handler's file
    route: str | None  # `METHOD /path`
    rpc: str | None  # the path of the RPC that stands for the route
    is_public: bool  # has a route without an authorizer
    has_head: bool  # in addition to GET

    @property
    def module(self) -> str:
        return f"functions.{self.path.parent.name}.{self.path.stem}"


@cache
def functions() -> list[Function]:
    found = []
    for name, properties in resources("AWS::Serverless::Function").items():
        module = properties["Handler"].removesuffix(".handler")
        routes = gateway_routes().get(name, {})
        # The last: `/{proxy+}` and not `/` for the function of all other requests.
        rest = [it for it in routes if not it.startswith(("HEAD ", RPC))]
        route = rest[-1] if rest else None
        rpc = next((it.removeprefix("POST ") for it in routes if it.startswith(RPC)), None)
        found.append(
            Function(
                name=name,
                path=ROOT / properties["CodeUri"] / f"{module}.py",
                route=route,
                rpc=rpc,
                is_public=route is not None and "security" not in routes[route],
                has_head=route is not None and f"HEAD {route.partition(' ')[2]}" in routes,
            )
        )
    return found


@cache
def gateway_routes() -> dict[str, dict[str, dict[str, Any]]]:
    """Return the operations of api/gateway.json, by function and by `METHOD /path`."""
    found: dict[str, dict[str, dict[str, Any]]] = {}
    for path, methods in json.loads((ROOT / "api/gateway.json").read_text())["paths"].items():
        for method, operation in methods.items():
            # The route of every other request: tests use its preflights, others get 404.
            name = method.upper().replace("X-AMAZON-APIGATEWAY-ANY-METHOD", "OPTIONS")
            function = invoked_function(operation["x-amazon-apigateway-integration"]["uri"])
            found.setdefault(function, {})[f"{name} {path}"] = operation
    return found


def invoked_function(uri: dict[str, str]) -> str:
    """Return the function in the URI of an integration or of an authorizer."""
    [name] = re.findall(r"\${AWS::StackName}-(\w+):live/invocations$", uri["Fn::Sub"])
    return str(name)
