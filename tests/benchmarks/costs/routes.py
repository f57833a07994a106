"""Which function answers a route, and with how much memory."""

from typing import Any  # a template's values are of several types

from tests.benchmarks.costs.scenario import AUTHORIZER
from tests.template import Function, functions, resources, template


def function_of(route: str) -> Function:
    name = "Authorizer" if route == AUTHORIZER else None
    return next(it for it in functions() if it.name == name or (it.route or "") == route)


def memory_of(function: Function) -> int:
    """In MB."""
    properties = resources("AWS::Serverless::Function")[function.name]
    wanted: Any = properties.get("MemorySize", template()["Globals"]["Function"]["MemorySize"])
    if isinstance(wanted, dict):
        wanted = template()["Parameters"][wanted["Ref"]]["Default"]
    return int(wanted)


def is_hashing(function: Function) -> bool:
    """Whether it has the memory of those that hash passwords, though not every request does."""
    properties = resources("AWS::Serverless::Function")[function.name]
    return properties.get("MemorySize") == {"Ref": "HashingMemory"}


def needs_token(route: str) -> bool:
    return route != AUTHORIZER and not function_of(route).is_public
