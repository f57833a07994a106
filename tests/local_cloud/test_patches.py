"""The table of patches has exactly the names of ministack that the emulator uses."""

import ast
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path

from tools.local_cloud.emulator.patches.table import PATCHES
from tools.local_cloud.emulator_process import REPOSITORY

EMULATOR = REPOSITORY / "tools/local_cloud/emulator"
PACKAGE = EMULATOR / "patches"
# Attributes of ministack's Worker that its subclass Environment overrides or reads.
WORKER = "core.lambda_runtime.Worker"


def test_private_names_are_used_in_the_package_only() -> None:
    elsewhere = [it for it in EMULATOR.glob("*.py") if set(used_names(it))]

    assert elsewhere == []


def test_each_private_name_has_one_row() -> None:
    listed = Counter(name for patch in PATCHES for name in patch.names)
    used = {name for names in names_by_module().values() for name in names}

    assert [name for name, rows in listed.items() if rows > 1] == []
    assert set(listed) - used == set()
    assert used - set(listed) == set()


def test_names_of_a_row_are_used_by_its_module() -> None:
    used = names_by_module()
    for patch in PATCHES:
        module = patch.apply.split(".")[0]
        # Modules that have no patch of their own, but code of several.
        modules = {module, "environment", "provisioning"}
        assert set(patch.names) <= set().union(*(used[it] for it in modules)), patch.apply


def test_each_patch_has_one_row() -> None:
    functions = {
        f"{module.stem}.{call}" for module in PACKAGE.glob("*.py") for call in applied(module)
    }
    rows = [patch.apply for patch in PATCHES]

    assert functions - {"apply.apply"} <= set(rows)
    assert len(rows) == len(set(rows))
    for row in rows:
        module, function = row.split(".")
        assert function in functions_of(PACKAGE / f"{module}.py"), row


def test_each_row_has_a_test_and_an_issue_or_its_text() -> None:
    for patch in PATCHES:
        file, _, test = patch.test.partition("::")
        assert test in functions_of(REPOSITORY / "tests/local_cloud" / file), patch.apply
        assert bool(patch.upstream) != bool(patch.report), patch.apply
        assert patch.change and patch.reason and patch.removable, patch.apply


def test_scan_finds_every_way_to_hold_a_name(tmp_path: Path) -> None:
    module = tmp_path / "module.py"
    module.write_text(
        "from ministack.core.responses import _region, error\n"
        "from ministack.services import sqs as queues\n"
        "pinned(queues, 'public')\n"
        "queues._read()\n"
        "queues.replaced = queues.called()\n"
    )

    assert set(used_names(module)) == {
        "core.responses._region",
        "services.sqs.public",
        "services.sqs._read",
        "services.sqs.replaced",
    }


def names_by_module() -> dict[str, set[str]]:
    found: dict[str, set[str]] = defaultdict(set)
    for module in PACKAGE.glob("*.py"):
        found[module.stem].update(used_names(module))
    return found


def used_names(module: Path) -> Iterator[str]:
    """Yield the names of ministack that a module reads if private, checks, or replaces."""
    tree = ast.parse(module.read_text())
    imported: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("ministack"):
            package = (node.module or "").removeprefix("ministack").lstrip(".")
            for it in node.names:
                imported[it.asname or it.name] = f"{package}.{it.name}".lstrip(".")
                if it.name.startswith("_"):
                    yield f"{package}.{it.name}"
    for node in ast.walk(tree):
        match node:
            case ast.Attribute(value=owner, attr=name, ctx=context):
                is_held = name.startswith("_") or isinstance(context, ast.Store)
                if is_held and (place := _place(owner, imported)):
                    yield f"{place}.{name}"
            case ast.Call(func=ast.Name("pinned"), args=[owner, ast.Constant(str(name)), *_]):
                if place := _place(owner, imported):
                    yield f"{place}.{name}"
            case ast.ClassDef(bases=[ast.Attribute(attr="Worker")]):
                yield from (f"{WORKER}.{it}" for it in _inherited(node))


def _place(owner: ast.expr, imported: dict[str, str]) -> str | None:
    """Return ``services.sqs`` for ``sqs``, or None for a name from elsewhere."""
    first, dot, rest = ast.unparse(owner).partition(".")
    return f"{imported[first]}{dot}{rest}" if first in imported else None


def _inherited(environment: ast.ClassDef) -> set[str]:
    """Return the private attributes of ``self`` that ministack's Worker also has."""
    [path] = REPOSITORY.glob(
        ".venv-emulator/lib/python*/site-packages/ministack/core/lambda_runtime.py"
    )
    [worker] = (
        it
        for it in ast.parse(path.read_text()).body
        if isinstance(it, ast.ClassDef) and it.name == "Worker"
    )
    return _attributes(worker) & _attributes(environment)


def _attributes(class_: ast.ClassDef) -> set[str]:
    methods = {it.name for it in class_.body if isinstance(it, ast.FunctionDef)}
    read = {
        it.attr
        for it in ast.walk(class_)
        if isinstance(it, ast.Attribute) and ast.unparse(it.value) == "self"
    }
    return {it for it in methods | read if it.startswith("_") and not it.startswith("__")}


def functions_of(module: Path) -> set[str]:
    return {
        it.name
        for it in ast.parse(module.read_text()).body
        if isinstance(it, ast.FunctionDef | ast.AsyncFunctionDef)
    }


def applied(module: Path) -> set[str]:
    """Return the functions that ``apply`` of a module calls."""
    return {
        call.func.id
        for function in ast.parse(module.read_text()).body
        if isinstance(function, ast.FunctionDef) and function.name == "apply"
        for call in ast.walk(function)
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Name)
    }
