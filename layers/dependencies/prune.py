"""Leaves of botocore's data what the services in a list need at run time.

    python3 prune.py services.txt …/botocore/data

Botocore comes with 20 MB about all services, and reads of it, in each new sandbox, all endpoints of
all of them and the documentation of each service that is used. What goes: other services, versions
of an API before its last, examples, documentation, and endpoints of other services. A client for
a service that is not in the list raises `UnknownServiceError`.
"""

import gzip
import json
import shutil
import sys
from pathlib import Path
from typing import Any  # botocore's data is JSON


def prune(services: set[str], data: Path) -> None:
    if unknown := services - {path.name for path in data.iterdir() if path.is_dir()}:
        raise SystemExit(f"botocore knows no {', '.join(sorted(unknown))}")
    endpoints = set()
    for service in data.iterdir():
        if not service.is_dir():
            continue
        if service.name not in services:
            shutil.rmtree(service)
            continue
        *older, last = sorted(service.iterdir())
        for version in older:
            shutil.rmtree(version)
        (last / "examples-1.json").unlink(missing_ok=True)
        endpoints.add(_without_documentation(last / "service-2.json.gz"))
    _leave_endpoints(data / "endpoints.json", endpoints)


def _without_documentation(compressed: Path) -> str:
    """The service's name among endpoints; unpacked, since a layer is packed anyway."""
    service = json.loads(gzip.decompress(compressed.read_bytes()))
    _write(compressed.with_suffix(""), _pruned(service))
    compressed.unlink()
    name: str = service["metadata"]["endpointPrefix"]
    return name


def _pruned(value: Any) -> Any:
    """Documentation is text; what is called so and is not is a part of the API."""
    if isinstance(value, list):
        return [_pruned(it) for it in value]
    if not isinstance(value, dict):
        return value
    return {
        name: _pruned(it)
        for name, it in value.items()
        if name != "documentation" or not isinstance(it, str)
    }


def _leave_endpoints(path: Path, names: set[str]) -> None:
    endpoints = json.loads(path.read_bytes())
    for partition in endpoints["partitions"]:
        of_all = partition["services"]
        partition["services"] = {name: it for name, it in of_all.items() if name in names}
    _write(path, endpoints)


def _write(path: Path, content: Any) -> None:
    path.write_text(json.dumps(content, separators=(",", ":")))


if __name__ == "__main__":
    _, listed, folder = sys.argv
    prune(set(Path(listed).read_text().split()), Path(folder))
