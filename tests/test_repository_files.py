"""Files for editors, assistants and GitHub: they match the repository."""

import json
import re
import subprocess
from pathlib import Path
from typing import Any  # configuration files are YAML and JSON

import pytest
import yaml

from tests.support.sam_template import ROOT

MAX_AGENTS_LINES = 40
MAKEFILE = (ROOT / "Makefile").read_text()
FORMS = sorted((ROOT / ".github/ISSUE_TEMPLATE").glob("*.yml"))


def read(name: str) -> Any:
    # BaseLoader keeps every value as text.
    return yaml.load((ROOT / name).read_text(), yaml.BaseLoader)


def committed(pattern: str) -> set[Path]:
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", pattern],
        cwd=ROOT,
        capture_output=True,
        check=True,
        text=True,
    )
    return {Path(name) for name in listed.stdout.splitlines()}


def test_dependabot_updates_every_lock_file() -> None:
    updates = read(".github/dependabot.yml")["updates"]
    folders = {
        it["package-ecosystem"]: {Path(name.lstrip("/")) for name in it["directories"]}
        for it in updates
        if "directories" in it
    }

    assert folders["npm"] == {it.parent for it in committed("*package-lock.json")}
    assert folders["uv"] == {it.parent for it in committed("*uv.lock")}
    assert "github-actions" in [it["package-ecosystem"] for it in updates]


def test_hooks_run_installed_programs() -> None:
    [repository] = read(".pre-commit-config.yaml")["repos"]

    assert repository["repo"] == "local"
    for hook in repository["hooks"]:
        program, *arguments = hook["entry"].split()
        assert (ROOT / program).is_file(), hook["entry"]
        for name in arguments:
            assert not name.startswith("tests/") or (ROOT / name).is_file(), name


def test_development_container_forwards_the_ports_of_make_run_and_the_storefront() -> None:
    container = json.loads((ROOT / ".devcontainer/devcontainer.json").read_text())
    ports = re.findall(r"^(?:EMULATOR_)?PORT \?= (\d+)$", MAKEFILE, re.MULTILINE)
    ports += re.findall(r"port: (\d+)", (ROOT / "examples/storefront/vite.config.ts").read_text())
    [version] = re.findall(r"python:(\d+\.\d+)-", container["image"])

    assert sorted(container["forwardPorts"], reverse=True) == sorted(map(int, ports), reverse=True)
    assert (ROOT / ".python-version").read_text().startswith(version)
    assert re.search(rf"^{container['postCreateCommand'].split()[1]}:", MAKEFILE, re.MULTILINE)


def test_editor_settings_match_the_formatter() -> None:
    settings = (ROOT / ".editorconfig").read_text()
    [length] = re.findall(r"^line-length = (\d+)$", (ROOT / "pyproject.toml").read_text(), re.M)

    assert f"max_line_length = {length}\n" in settings


def test_guide_for_assistants_is_short_and_names_existing_paths() -> None:
    text = (ROOT / "AGENTS.md").read_text()

    assert len(text.splitlines()) <= MAX_AGENTS_LINES
    for path in re.findall(r"`((?:docs|layers|tests)/[\w./-]+)`", text):
        assert (ROOT / path).exists(), path


@pytest.mark.parametrize("path", FORMS, ids=lambda it: it.name)
def test_issue_form_has_fields_with_unique_ids(path: Path) -> None:
    form = read(str(path.relative_to(ROOT)))
    if path.name == "config.yml":
        return
    ids = [field["id"] for field in form["body"]]

    assert form["name"] and form["description"]
    assert len(ids) == len({*ids})
