"""Marker `local_only`: tests that need more of a deployment than its API.

The marker is derived from the fixtures and the code of a test, so no test can lack it. Tests that
need this machine for another reason have it in their source. `local_only_for(text)` is for a test
that needs the emulator only for parameters with this text.
"""

import dis
import inspect
from collections.abc import Iterable, Iterator
from functools import cache
from types import CodeType, FunctionType, MethodType, ModuleType

import pytest

from tests.support.deployed_shop import DeployedShop, Shop
from tests.support.sam_template import resources

MARKER = "local_only"
FIXTURES = {"stack", "faults", "mail_faults"}
# Autouse fixtures, and the one that chooses the deployment: they need nothing else.
_OF_EVERY_TEST = {
    *("email_worker", "everyone_stays_logged_in", "no_correlation_id", "noted", "request", "shop"),
}
# Attributes of `Shop` that `DeployedShop` lacks.
ATTRIBUTES = {
    name
    for name in {*vars(Shop), *Shop.__annotations__}
    if not name.startswith("_") and not hasattr(DeployedShop, name)
}
_TABLES = resources("AWS::DynamoDB::Table").keys()


def is_local_only(item: pytest.Function) -> bool:
    """Return whether a test uses the emulator, itself or by fixtures, helpers or parameters."""
    if item.get_closest_marker(MARKER) or FIXTURES & set(item.fixturenames):
        return True
    if of_parameters := item.get_closest_marker(f"{MARKER}_for"):
        return any(of_parameters.args[0] in str(it) for it in item.callspec.params.values())
    roots: list[object] = [item.function]
    # Any: pytest does not type its fixture definitions publicly.
    for name, definitions in item._fixtureinfo.name2fixturedefs.items():
        if name not in _OF_EVERY_TEST:
            roots += [definition.func for definition in definitions]
    if hasattr(item, "callspec"):
        roots += item.callspec.params.values()
    return any(ATTRIBUTES & _attributes(code) or _names_a_table(code) for code in reachable(roots))


def reachable(roots: Iterable[object]) -> Iterator[CodeType]:
    """Yield the code of functions, and of all functions of the tests that they refer to."""
    waiting, seen = list(roots), set[int]()
    while waiting:
        it = inspect.unwrap(it) if callable(it := waiting.pop()) else it
        if id(it) in seen:
            continue
        seen.add(id(it))
        match it:
            case MethodType():
                waiting.append(it.__func__)
            case FunctionType() if _is_of_tests(it.__module__):
                yield from _nested(it.__code__)
                waiting += _referred(it)
            case type() if _is_of_tests(it.__module__) and it not in (Shop, DeployedShop):
                waiting += vars(it).values()
            case property():
                waiting.append(it.fget)
            case list() | tuple() | set() | frozenset():
                waiting += it
            case dict():
                waiting += it.values()


def _referred(function: FunctionType) -> Iterator[object]:
    """Yield the values of globals, module attributes and closures that a function names."""
    for cell in function.__closure__ or ():
        yield cell.cell_contents
    for code in _nested(function.__code__):
        for name in code.co_names:
            value = function.__globals__.get(name)
            if isinstance(value, ModuleType):
                if _is_of_tests(value.__name__):
                    yield from (getattr(value, it, None) for it in code.co_names)
            else:
                yield value


def _nested(code: CodeType) -> Iterator[CodeType]:
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _nested(constant)


@cache  # Thousands of tests reach the same code.
def _attributes(code: CodeType) -> set[str]:
    return {str(it.argval) for it in dis.get_instructions(code) if it.opname == "LOAD_ATTR"}


def _names_a_table(code: CodeType) -> bool:
    """Return whether code reads one table of `Shop.everything`, such as `OrdersTable`."""
    return any(isinstance(it, str) and it in _TABLES for it in code.co_consts)


def _is_of_tests(module: str | None) -> bool:
    return (module or "").startswith("tests.")
