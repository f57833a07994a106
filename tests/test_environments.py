"""Every environment that `make` installs is the same on each machine."""

import re
from pathlib import Path

import pytest

from tests.support.installed_files import remedy, shared_files, site_packages
from tests.support.sam_template import ROOT

# `make test-browser`, `make test-clients` and `make test-grpc` install and test these.
ELSEWHERE = {".venv-clients", ".venv-docs", ".venv-envoy"}
INSTALLED = sorted(
    set(re.findall(r"^(\.venv[\w-]*)/\.synced:", (ROOT / "Makefile").read_text(), re.MULTILINE))
    - ELSEWHERE
)


def test_environments_are_those_of_the_makefile() -> None:
    assert INSTALLED == [".venv", ".venv-checkers", ".venv-emulator", ".venv-sam"]


@pytest.mark.parametrize("name", INSTALLED)
def test_files_belong_to_one_distribution(name: str) -> None:
    shared = shared_files(site_packages(ROOT / name))

    assert not shared, remedy(shared)


def test_file_of_two_distributions_is_found(tmp_path: Path) -> None:
    for name in ("one", "other"):
        folder = tmp_path / f"{name}-1.0.dist-info"
        folder.mkdir()
        (folder / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        (folder / "RECORD").write_text(f"both/__init__.py,,\n{name}/__init__.py,,\n")

    shared = shared_files(tmp_path)

    assert {file: sorted(owners) for file, owners in shared.items()} == {
        "both/__init__.py": ["one 1.0", "other 1.0"]
    }
