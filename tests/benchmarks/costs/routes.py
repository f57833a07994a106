"""The function of a route, its memory, and the calls around it."""

from fnmatch import fnmatchcase
from importlib import import_module
from typing import Any  # Any: template values and handlers have several types

from shop.entrypoints.http import Endpoint
from shop.idempotency import IdempotentRequest
from tests.support.sam_template import Function, functions, resources, template

AUTHORIZER = "the authorizer"


def function_of(route: str) -> Function:
    name = "Authorizer" if route == AUTHORIZER else None
    return next(it for it in functions() if it.name == name or (it.route or "") == route)


def handler_of(route: str) -> Any:
    return import_module(function_of(route).module).handler


def takes_idempotency_key(route: str) -> bool:
    handler = handler_of(route)
    return isinstance(handler, Endpoint) and IdempotentRequest in handler.parameters.values()


def memory_of(function: Function) -> int:
    """Return the memory in MB."""
    properties = resources("AWS::Serverless::Function")[function.name]
    memory: Any = properties.get("MemorySize", template()["Globals"]["Function"]["MemorySize"])
    if isinstance(memory, dict):
        memory = template()["Parameters"][memory["Ref"]]["Default"]
    return int(memory)


def is_hashing(function: Function) -> bool:
    """Return whether it has the memory of password hashing, though not every request hashes."""
    properties = resources("AWS::Serverless::Function")[function.name]
    return properties.get("MemorySize") == {"Ref": "HashingMemory"}


def is_traced(route: str) -> bool:
    """Return True unless a sampling rule excludes the route."""
    method, path = route.split(" ", 1)
    return not any(
        rule["FixedRate"] == rule["ReservoirSize"] == 0
        and fnmatchcase(method, rule["HTTPMethod"])
        and fnmatchcase(path, rule["URLPath"])
        for properties in resources("AWS::XRay::SamplingRule").values()
        for rule in [properties["SamplingRule"]]
    )


def needs_token(route: str) -> bool:
    return route != AUTHORIZER and not function_of(route).is_public
