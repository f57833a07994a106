"""Ownership of files in a Python environment, by the RECORD files of its distributions."""

import csv
from collections import defaultdict
from collections.abc import Iterable
from importlib.metadata import distributions
from pathlib import Path


def shared_files(*folders: Path) -> dict[str, list[str]]:
    """Return files that two or more distributions own, with the owners.

    The last installed distribution determines the content, and no lock file fixes that order.
    Several folders are several layers, which Lambda merges.
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
    """Return the failure message for such files."""
    return (
        f"Two distributions own {sorted(shared)[:3]}: move one of them to another group in "
        "pyproject.toml, run `make lock`, and call it from that group's environment."
    )
