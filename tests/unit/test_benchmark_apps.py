"""Benchmark apps, which mypy does not check: their imports from the layer exist."""

import ast
from importlib import import_module
from pathlib import Path

import pytest

from tests.support.sam_template import ROOT

EDGE = ROOT / "tests/benchmarks/peers/apps/edge"


@pytest.mark.parametrize("path", sorted(EDGE.glob("*.py")), ids=lambda path: path.name)
def test_edge_app_imports_existing_names(path: Path) -> None:
    imported = {
        (node.module, alias.name)
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("shop.")
        for alias in node.names
    }

    assert imported
    assert [it for it in imported if not hasattr(import_module(it[0]), it[1])] == []
