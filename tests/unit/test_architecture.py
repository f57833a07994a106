"""The direction of imports: functions → dependencies → service → models, and a package tree."""

import ast
import re
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

from tests.support.sam_template import ROOT

LAYER = ROOT / "layers/shop/shop"
FEATURES = ("users", "identity", "products", "orders", "mail", "oauth", "webhooks", "personal_data")
IO = {"boto3", "botocore", "urllib.request", "bcrypt", "cryptography"}


def imported(path: Path, with_types: bool = False) -> set[str]:
    """Return the modules that a file imports at any level; type-only imports on request."""
    tree = ast.parse(path.read_text())
    typing_only = [
        inner
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING" and not with_types
        for inner in ast.walk(node)
    ]
    names: set[str] = set()
    for node in ast.walk(tree):
        if node in typing_only:
            continue
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def modules() -> dict[str, Path]:
    """Return the files of the layer by dotted module name."""
    found = {}
    for path in files("**/*.py"):
        parts = path.relative_to(LAYER.parent).with_suffix("").parts
        found[".".join(parts).removesuffix(".__init__")] = path
    return found


def package_of(module: str, path: Path) -> str:
    """Return the package of a module; a module beside the packages is its own package."""
    folder = ".".join(path.parent.relative_to(LAYER.parent).parts)
    return module if folder == "shop" else folder


def files(pattern: str) -> list[Path]:
    found = sorted(LAYER.glob(pattern))
    assert found
    return found


@pytest.mark.parametrize(
    "path",
    [
        path
        for room in ("service", "models", "requests", "responses", "schemas")
        for path in files(f"**/{room}.py")
    ],
    ids=lambda path: f"{path.parent.name}-{path.stem}",
)
def test_rules_import_no_storage_and_no_http(path: Path) -> None:
    forbidden = ("shop.dynamo.", "shop.clients.", "shop.entrypoints.", "shop.http.request.")

    for module in imported(path):
        assert module.split(".")[0] not in IO, module
        assert not f"{module}.".startswith(forbidden), module
        assert not module.endswith((".repository", ".dependencies")), module


@pytest.mark.parametrize(
    "path",
    files("**/repository.py") + files("**/items.py"),
    ids=lambda path: f"{path.parent.name}-{path.stem}",
)
def test_storage_of_features_imports_no_http_and_no_idempotent_request(path: Path) -> None:
    for module in imported(path, with_types=True):
        assert not module.startswith(("shop.http", "shop.entrypoints")), module
        assert module != "shop.idempotency.IdempotentRequest"


def test_storage_imports_no_idempotent_request() -> None:
    for path in files("dynamo/*.py"):
        assert "shop.idempotency.IdempotentRequest" not in imported(path, with_types=True)


@pytest.mark.parametrize("path", files("**/*.py"), ids=lambda path: path.stem)
def test_write_expressions_are_built_in_one_module(path: Path) -> None:
    hand_written = re.search(
        r"\b(Update|Condition)Expression\b|\bConditionCheck\b", path.read_text()
    )

    assert hand_written is None or path == LAYER / "dynamo/actions.py"


@pytest.mark.parametrize("path", files("**/models.py"), ids=lambda path: path.parent.name)
def test_models_import_models_only(path: Path) -> None:
    allowed = {"shop.caller", "shop.money", *(f"shop.{it}.models" for it in FEATURES)}
    allowed |= {f"shop.identity.{it}.models" for it in ("accounts", "authenticators", "sessions")}
    allowed |= {f"shop.oauth.{it}.models" for it in ("clients", "grants")}

    for module in imported(path):
        is_ours = module.startswith("shop.")
        assert not is_ours or any(module.startswith(name) for name in allowed), module


@pytest.mark.parametrize(
    "path", files("http/*.py") + files("entrypoints/*.py"), ids=lambda p: p.stem
)
def test_entry_points_import_no_feature(path: Path) -> None:
    for module in imported(path):
        assert not any(module.startswith(f"shop.{feature}") for feature in FEATURES), module
    assert len(path.read_text().splitlines()) < 300


@pytest.mark.parametrize("path", sorted(ROOT.glob("functions/*/*.py")), ids=lambda path: path.stem)
def test_function_module_is_thin(path: Path) -> None:
    for module in imported(path):
        assert not module.endswith((".repository", ".service")), module
        assert not module.startswith(("shop.dynamo", "shop.clients", "boto3")), module
    last_import = max(
        node.end_lineno or 0
        for node in ast.parse(path.read_text()).body
        if isinstance(node, ast.Import | ast.ImportFrom)
    )
    assert len(path.read_text().splitlines()) - last_import <= 37


@pytest.mark.parametrize(
    "path", [p for p in files("**/*.py") if p.name != "clients.py"], ids=lambda path: path.stem
)
def test_clients_are_created_in_one_module(path: Path) -> None:
    assert not imported(path) & {"boto3", "boto3.client", "botocore.config"}


def test_packages_form_a_tree_without_cycles() -> None:
    packages = {module: package_of(module, path) for module, path in modules().items()}
    graph: dict[str, set[str]] = {package: set() for package in packages.values()}
    for module, path in modules().items():
        imports = {packages[it] for it in imported(path, with_types=True) if it in packages}
        graph[packages[module]] |= imports - {packages[module], "shop"}

    # Raises CycleError with the packages of a cycle.
    assert {*TopologicalSorter(graph).static_order()} == graph.keys()
    assert "shop.dynamo" in graph["shop.identity.accounts"]
