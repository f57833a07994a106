"""A release is one tagged commit, made from a clean tree only."""

import subprocess
from datetime import date
from pathlib import Path

import pytest

from tests.support.sam_template import ROOT
from tools.release import CURRENT, HEADING, LOCKED, NotReleasable, Release

TODAY = date(2026, 12, 1)
CHANGELOG = "# Changelog\n\n## Unreleased\n\n### Added\n\n* A route.\n\n## 1.2.3 - 2026-11-01\n"
OF_A_MACHINE = ("GIT_CONFIG_GLOBAL", "GIT_CONFIG_SYSTEM")


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A committed repository of version 1.2.3."""
    for name in OF_A_MACHINE:
        monkeypatch.setenv(name, "/dev/null")
    for role in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{role}_NAME", "Ada")
        monkeypatch.setenv(f"GIT_{role}_EMAIL", "ada@example.com")
    (tmp_path / "pyproject.toml").write_text('[project]\nname = "shop"\nversion = "1.2.3"\n')
    lock = '[[package]]\nname = "other"\nversion = "1.2.3"\n\n[[package]]\nname = "shop"\n'
    (tmp_path / "uv.lock").write_text(f'{lock}version = "1.2.3"\n')
    (tmp_path / "CHANGELOG.md").write_text(CHANGELOG)
    (tmp_path / "released.json").write_text("1.2.3")
    git(tmp_path, "init", "--quiet")
    commit(tmp_path)
    return tmp_path


def git(root: Path, *arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=root, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def commit(root: Path) -> None:
    git(root, "add", "--all")
    git(root, "commit", "--quiet", "--message", "Change")


def release(root: Path, version: str) -> None:
    Release(root, version, lambda: save_document(root, version)).run(TODAY)


def save_document(root: Path, version: str) -> None:
    (root / "released.json").write_text(version)


def change_changelog(root: Path, old: str, new: str) -> None:
    path = root / "CHANGELOG.md"
    path.write_text(path.read_text().replace(old, new))
    commit(root)


def test_release_is_one_tagged_commit_with_all_versions(root: Path) -> None:
    release(root, "1.3.0")

    assert git(root, "log", "-1", "--format=%s") == "Release 1.3.0"
    assert git(root, "describe", "--exact-match") == "v1.3.0"
    assert git(root, "status", "--porcelain") == ""
    changed = git(root, "show", "--format=", "--name-only", "HEAD").split()
    assert changed == ["CHANGELOG.md", "pyproject.toml", "released.json", "uv.lock"]
    assert 'version = "1.3.0"' in (root / "pyproject.toml").read_text()
    assert (root / "uv.lock").read_text().count('version = "1.3.0"') == 1
    assert (root / "uv.lock").read_text().endswith('name = "shop"\nversion = "1.3.0"\n')


def test_release_moves_unreleased_changes_to_its_version(root: Path) -> None:
    release(root, "1.3.0")

    assert (root / "CHANGELOG.md").read_text() == CHANGELOG.replace(
        "## Unreleased\n", "## Unreleased\n\n## 1.3.0 - 2026-12-01\n"
    )


@pytest.mark.parametrize("version", ["1.2.3", "1.2.2", "1.3", "v1.3.0", "1.03.0", "1.3.0-rc.1"])
def test_release_needs_a_newer_version(root: Path, version: str) -> None:
    with pytest.raises(NotReleasable):
        release(root, version)

    assert git(root, "status", "--porcelain") == git(root, "tag") == ""


def test_release_rejects_a_dirty_tree(root: Path) -> None:
    (root / "new.txt").write_text("")

    with pytest.raises(NotReleasable, match="not committed"):
        release(root, "1.3.0")
    assert git(root, "tag") == ""


def test_release_rejects_an_existing_tag(root: Path) -> None:
    git(root, "tag", "v1.3.0")

    with pytest.raises(NotReleasable, match="exists"):
        release(root, "1.3.0")


def test_release_needs_changes(root: Path) -> None:
    change_changelog(root, "* A route.\n", "")

    with pytest.raises(NotReleasable, match="nothing under Unreleased"):
        release(root, "1.3.0")


def test_breaking_changes_need_a_major_version(root: Path) -> None:
    change_changelog(root, "### Added", "### Breaking")

    with pytest.raises(NotReleasable, match=r"version 2\.0\.0"):
        release(root, "1.3.0")
    release(root, "2.0.0")
    assert git(root, "tag") == "v2.0.0"


def test_repository_has_the_places_that_a_release_changes() -> None:
    assert len(CURRENT.findall((ROOT / "pyproject.toml").read_text())) == 1
    assert len(LOCKED.findall((ROOT / "uv.lock").read_text())) == 1
    assert (ROOT / "CHANGELOG.md").read_text().count(f"\n{HEADING}") == 1
