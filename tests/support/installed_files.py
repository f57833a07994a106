"""Which distributions own the files of a Python environment, by their RECORD files."""

import csv
from collections import defaultdict
from collections.abc import Iterable
from importlib.metadata import distributions
from pathlib import Path


def shared_files(*folders: Path) -> dict[str, list[str]]:
    """Files that two or more distributions own, with the owners.

    Such a file has the content of whichever was installed last, which no lock file fixes. Several
    folders are several layers, which Lambda lays over one another.
    """
    owners: dict[str, list[str]] = defaultdict(list)
    for folder in folders:
        for distribution in distributions(path=[str(folder)]):
            owner = f"{distribution.name} {distribution.version}"
            record = distribution.read_text("RECORD") or ""
            for file, *_ in csv.reader(record.splitlines()):
                owners[file].append(owner)
    return {file: names for file, names in owners.items() if len(names) > 1}


def site_packages(environment: Path) -> Path:
    (found,) = environment.glob("lib/python3*/site-packages")
    return found


def remedy(shared: Iterable[str]) -> str:
    """The message of a test that found such files."""
    return (
        f"Two distributions own {sorted(shared)[:3]}: move one of them to another group in "
        "pyproject.toml, run `make lock`, and call it from that group's environment."
    )
