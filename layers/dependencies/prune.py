"""Prune botocore's data to the needs of a list of services at run time.

    python3 prune.py services.txt …/botocore

Botocore contains 20 MB about all services. Each new sandbox reads the endpoints of all of them, and
the documentation of each used service. Pruning removes other services and their endpoints, older
versions of an API, examples and documentation. A client for a service that is not in the list
raises `UnknownServiceError`.

Of botocore's 126 certificate authorities, only Amazon's remain: each new connection reads them all,
in 15 ms, and AWS's certificates are of Amazon Trust Services:
https://www.amazontrust.com/repository/. `AWS_CA_BUNDLE` names another file to trust.
"""

import gzip
import json
import shutil
import sys
from pathlib import Path
from typing import Any  # botocore's data is JSON

# The labels in the file. AWS names these five for custom trust stores.
OF_AMAZON = ("Amazon Root CA ", "Starfield Services Root Certificate Authority - G2")


def prune(services: set[str], data: Path) -> None:
    if unknown := services - {path.name for path in data.iterdir() if path.is_dir()}:
        raise SystemExit(f"botocore has no service {', '.join(sorted(unknown))}")
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
    """Unpack and prune a service model; return its endpoint name. The layer is packed anyway."""
    service = json.loads(gzip.decompress(compressed.read_bytes()))
    _write(compressed.with_suffix(""), _pruned(service))
    compressed.unlink()
    name: str = service["metadata"]["endpointPrefix"]
    return name


def _pruned(value: Any) -> Any:
    """Remove documentation: texts only, since an API member can have the same name."""
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


def _leave_authorities(path: Path) -> None:
    """Keep the blocks of Amazon's roots; an empty line separates comment and certificate blocks."""
    blocks = path.read_text().strip().split("\n\n")
    kept = [it for it in blocks if any(f'# Label: "{name}' in it for name in OF_AMAZON)]
    if len(kept) < 5:
        raise SystemExit(f"{path} has only {len(kept)} of Amazon's 5 roots")
    path.write_text("\n\n".join(kept) + "\n")


def _write(path: Path, content: Any) -> None:
    path.write_text(json.dumps(content, separators=(",", ":")))


if __name__ == "__main__":
    _, listed, folder = sys.argv
    prune(set(Path(listed).read_text().split()), Path(folder, "data"))
    _leave_authorities(Path(folder, "cacert.pem"))
