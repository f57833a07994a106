"""``make release``: set the version, date the changelog, commit and tag; push nothing."""

import argparse
import re
import subprocess
import sys
from collections.abc import Callable
from datetime import date
from pathlib import Path

from tools.deployments import ROOT

VERSION = re.compile(r"(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)")  # SemVer without pre-releases
CURRENT = re.compile(r'^version = "([\d.]+)"$', re.MULTILINE)
LOCKED = re.compile(r'^name = "shop"\nversion = "[\d.]+"$', re.MULTILINE)
HEADING = "## Unreleased\n"


class NotReleasable(Exception):
    """The release was not made; the message has the reason."""


class Release:
    """A release of the repository in a folder.

    `generate` generates the files that contain the version, and saves the released API document.
    """

    def __init__(self, root: Path, version: str, generate: Callable[[], None]) -> None:
        self._root = root
        self._version = version
        self._generate = generate

    def run(self, today: date) -> None:
        """Commit and tag the version; raise `NotReleasable` before any change."""
        self._check()
        self._replace("pyproject.toml", CURRENT, f'version = "{self._version}"')
        # Otherwise `uv lock` would change the file after the release.
        self._replace("uv.lock", LOCKED, f'name = "shop"\nversion = "{self._version}"')
        dated = f"{HEADING}\n## {self._version} - {today.isoformat()}\n"
        self._replace("CHANGELOG.md", re.compile(HEADING), dated)
        self._generate()
        # The tree was clean, so every changed file belongs to the release.
        self._git("commit", "--all", "--quiet", "--message", f"Release {self._version}")
        self._git("tag", "--annotate", self._tag, "--message", f"Version {self._version}")

    @property
    def _tag(self) -> str:
        return f"v{self._version}"

    def _check(self) -> None:
        if not VERSION.fullmatch(self._version):
            raise NotReleasable(f"{self._version} is not a version like 1.0.0.")
        if self._git("status", "--porcelain"):
            raise NotReleasable("some files are not committed.")
        if self._git("tag", "--list", self._tag):
            raise NotReleasable(f"the tag {self._tag} exists.")
        found = CURRENT.search(self._read("pyproject.toml"))
        assert found
        current, new = _numbers(found[1]), _numbers(self._version)
        if new <= current:
            raise NotReleasable(f"{self._version} is not newer than {found[1]}.")
        changes = self._read("CHANGELOG.md").partition(HEADING)[2].partition("\n## ")[0]
        if "\n* " not in changes:
            raise NotReleasable("CHANGELOG.md has nothing under Unreleased.")
        if "### Breaking" in changes and current[0] > 0 and new[0] == current[0]:
            raise NotReleasable(f"breaking changes need version {current[0] + 1}.0.0.")

    def _read(self, name: str) -> str:
        return (self._root / name).read_text()

    def _replace(self, name: str, pattern: re.Pattern[str], text: str) -> None:
        (self._root / name).write_text(pattern.sub(text, self._read(name), count=1))

    def _git(self, *arguments: str) -> str:
        done = subprocess.run(
            ["git", *arguments], cwd=self._root, stdout=subprocess.PIPE, text=True, check=True
        )
        return done.stdout.strip()


def _numbers(version: str) -> list[int]:
    return [int(number) for number in version.split(".")]


def main() -> None:
    parser = argparse.ArgumentParser(prog="make release", description=__doc__)
    parser.add_argument("version", help="the new version, for example 1.0.0")
    version = parser.parse_args().version

    def generate() -> None:
        subprocess.run(["make", "release-openapi"], cwd=ROOT, check=True)

    try:
        Release(ROOT, version, generate).run(date.today())
    except NotReleasable as error:
        sys.exit(f"Nothing was released: {error}")
    print(f"Committed and tagged v{version}. Publish it: git push origin HEAD v{version}")


if __name__ == "__main__":
    main()
