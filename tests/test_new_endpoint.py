"""`make endpoint` and the tutorial in a copy of the repository: lint, types and fast tests pass."""

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from tests.support.sam_template import ROOT
from tests.support.tutorial import apply_tutorial, blocks
from tools.new_endpoint import ACCESS, EXAMPLE, Rejected, scaffold, write

# With `ACCESS` and `NAME`
ENDPOINTS = [
    (EXAMPLE, "anyone", None),
    ("GET /api/users/{userId}/wish-list", None, None),
    ("POST /api/users/{userId}/orders/{orderId}/returns", "self", "create_return"),
    ("PATCH /api/products/{productId}/reviews/{reviewId}", "admin", None),
    ("DELETE /api/products/{productId}/reviews/{reviewId}", None, None),
    ("PUT /api/sessions/settings", None, None),
]
# Tests that read every route, handler or generated file, and take seconds
FAST = (
    *("tests/unit/test_generate.py", "tests/unit/test_routes.py", "tests/unit/test_openapi.py"),
    *("tests/unit/test_architecture.py", "tests/unit/test_access_rules.py"),
    *("tests/unit/test_validation_messages.py", "tests/unit/test_costs.py"),
    *("tests/endpoints/test_events.py", "tests/endpoints/test_round_trips.py"),
    "tests/test_documents.py",
)
# Tests of the tutorial's other edits
OF_TUTORIAL = (
    *("tests/unit/test_event_records.py", "tests/template/test_event_bus.py"),
    *("tests/template/test_alarms.py", "tests/template/test_dashboard.py"),
)


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A copy of the files of the repository, with its environments."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=True,
        text=True,
    )
    for name in listed.stdout.splitlines():
        source, target = ROOT / name, tmp_path / name
        if source.is_file():
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, target, follow_symlinks=False)
    for name in (".venv", ".venv-sam", ".venv-emulator"):
        (tmp_path / name).symlink_to(ROOT / name)
    # mypy checks the copy again from the results for equal files, which lint leaves.
    results = ROOT / ".mypy_cache"
    if results.exists():
        shutil.copytree(results, tmp_path / results.name, copy_function=copy_if_present)
    return tmp_path


def copy_if_present(source: str, target: str) -> None:
    """Copy a file, unless a parallel mypy has just renamed it."""
    with suppress(FileNotFoundError):
        shutil.copy2(source, target)


def run(copy: Path, *command: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", *command],
        cwd=copy,
        capture_output=True,
        text=True,
        env={"PATH": "/usr/bin:/bin", "PYTHONPATH": "layers/shop:.", "HOME": str(copy)},
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_new_endpoints_and_tutorial_pass_lint_types_and_fast_tests(copy: Path) -> None:
    apply_tutorial(copy)
    for route, access, name in ENDPOINTS:
        write(scaffold(route, access, name, copy), copy)

    run(copy, "tools.generate")
    run(copy, "tests.benchmarks.costs", "--again")
    run(copy, "ruff", "check", ".")
    run(copy, "ruff", "format", "--check", ".")
    run(copy, "mypy", "layers/shop/shop", "functions", "tools", "tests")
    tests = [f"tests/unit/test_{scaffold_name}.py" for scaffold_name in new_names(copy)]
    assert len(tests) == len(ENDPOINTS)
    of_tutorial = [it.path for it in blocks() if "/test_" in it.path]
    run(copy, "pytest", "-n0", *tests, *of_tutorial, *FAST, *OF_TUTORIAL)


def new_names(copy: Path) -> Iterator[str]:
    tutorial = {it.path for it in blocks()}
    for path in sorted(copy.glob("functions/*/*.py")):
        if str(path.relative_to(copy)) in tutorial:
            continue
        if not (ROOT / path.relative_to(copy)).exists():
            yield path.stem


@pytest.mark.parametrize(
    ("route", "access", "name", "reason"),
    [
        ("GET /api/products", None, None, "functions/products/list_products.py already serves"),
        ("FETCH /api/products", None, None, "is no route: write METHOD /api/path"),
        ("GET products", None, None, "is no route: write METHOD /api/path"),
        ("GET /api/Products/{id}", None, None, "is no route: write METHOD /api/path"),
        ("GET /api/coupons", None, None, "The folders with one are authenticators, oauth"),
        ("GET /api/products/{itemId}/stock", None, None, "write {productId} in place of {itemId}"),
        ("GET /api/products/{productId}/x", "self", None, "needs {userId} in the path"),
        (EXAMPLE, None, "get_product", "functions/products/get_product.py exists"),
        (EXAMPLE, None, "Availability", "must be <verb>_<noun> in snake_case"),
        (EXAMPLE, None, "process_orders", "template.yaml has a resource ProcessOrders"),
    ],
)
def test_endpoint_that_does_not_fit_is_rejected(
    route: str, access: str | None, name: str | None, reason: str
) -> None:
    with pytest.raises(Rejected, match=re.escape(reason)):
        scaffold(route, access, name)


def test_access_is_denied_by_default() -> None:
    assert scaffold(EXAMPLE, None, None).access == ACCESS["admin"]
    assert scaffold("GET /api/users/{userId}/wishes", None, None).access == ACCESS["self-or-admin"]


def test_scaffold_writes_the_documented_places() -> None:
    """The numbered places of docs/extending.md, except storage, which not every rule needs."""
    section = (ROOT / "docs/extending.md").read_text().partition("## Add an endpoint")[2]
    places = re.findall(r"^\d+\. \*\*.*?`([^`]+)`", section.partition("\n## ")[0], re.M)
    made = scaffold(EXAMPLE, None, None)
    names = {
        "functions/<resource>/<verb>_<noun>.py": f"functions/products/{made.name}.py",
        "responses.py": "layers/shop/shop/products/responses.py",
        "service.py": "layers/shop/shop/products/service.py",
        "tests/unit/": f"tests/unit/test_{made.name}.py",
        "template.yaml": "template.yaml",
        "tests/routes.py": "tests/routes.py",
    }

    assert len(places) <= 8
    assert {*places} - {"repository.py", "tests/repositories/"} == names.keys()
    assert {str(path) for path in made.files} == {*names.values()}


def test_next_steps_name_existing_files() -> None:
    made = scaffold(EXAMPLE, None, None)
    files = re.findall(r"[\w/]+\.(?:py|yaml)", made.next_steps)

    assert files
    assert all((ROOT / it).exists() or Path(it) in made.files for it in files)
