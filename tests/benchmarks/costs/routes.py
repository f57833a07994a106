"""Which function answers a route, with how much memory, and what is asked around it."""

from fnmatch import fnmatchcase
from typing import Any  # a template's values are of several types

from tests.benchmarks.costs.scenario import AUTHORIZER
from tests.support.sam_template import Function, functions, resources, template


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


def is_traced(route: str) -> bool:
    """Unless a rule of the template has X-Ray sample none of its requests."""
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
