"""Who may import whom: functions → provide → service → models, and no I/O in the rules."""

import ast
from pathlib import Path

import pytest

from tests.template import ROOT

LAYER = ROOT / "layers/shop/shop"
FEATURES = ("users", "sessions", "products", "orders", "recovery", "mail")
IO = {"boto3", "botocore", "urllib.request", "bcrypt", "cryptography"}


def imported(path: Path) -> set[str]:
    """The modules that a file imports, anywhere in it, but not for types alone."""
    tree = ast.parse(path.read_text())
    typing_only = [
        inner
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
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


def files(pattern: str) -> list[Path]:
    found = sorted(LAYER.glob(pattern))
    assert found
    return found


@pytest.mark.parametrize(
    "path",
    [path for room in ("service", "models", "schemas") for path in files(f"*/{room}.py")],
    ids=lambda path: f"{path.parent.name}-{path.stem}",
)
def test_rules_know_no_storage_and_no_http(path: Path) -> None:
    forbidden = {"shop.dynamo", "shop.clients", "shop.endpoint", "shop.http.request"}

    for module in imported(path):
        assert module.split(".")[0] not in IO, module
        assert not any(module.startswith(name) for name in forbidden), module
        assert not module.endswith((".repository", ".provide")), module


@pytest.mark.parametrize("path", files("*/models.py"), ids=lambda path: path.parent.name)
def test_models_import_models_at_most(path: Path) -> None:
    allowed = {
        "shop.auth.caller",
        "shop.money",
        *(f"shop.{feature}.models" for feature in FEATURES),
    }

    for module in imported(path):
        is_ours = module.startswith("shop.")
        assert not is_ours or any(module.startswith(name) for name in allowed), module


@pytest.mark.parametrize("path", files("http/*.py") + files("endpoint.py"), ids=lambda p: p.stem)
def test_the_edge_knows_no_feature(path: Path) -> None:
    for module in imported(path):
        assert not any(module.startswith(f"shop.{feature}") for feature in FEATURES), module
    assert len(path.read_text().splitlines()) < 300


@pytest.mark.parametrize("path", sorted(ROOT.glob("functions/*/*.py")), ids=lambda path: path.stem)
def test_a_function_is_thin(path: Path) -> None:
    for module in imported(path):
        assert not module.endswith((".repository", ".service")), module
        assert not module.startswith(("shop.dynamo", "shop.clients", "boto3")), module
    assert len(path.read_text().splitlines()) <= 45


@pytest.mark.parametrize(
    "path", [p for p in files("**/*.py") if p.name != "clients.py"], ids=lambda path: path.stem
)
def test_clients_are_made_in_one_place(path: Path) -> None:
    assert not imported(path) & {"boto3", "boto3.client", "botocore.config"}
