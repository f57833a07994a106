"""`make generate`: write every file that is derived from the code, template.yaml and uv.lock."""

from collections.abc import Mapping
from pathlib import Path

from tools import architecture_picture, bruno, event_schemas, sample_events
from tools.deployments import ROOT
from tools.local_cloud.emulator.patches import document as emulator_patches
from tools.local_cloud.project import read_services
from tools.openapi import document, gateway
from tools.python_client import generated as python_client

SERVICES = ROOT / "layers/dependencies/services.txt"


def generated() -> Mapping[Path, str]:
    """Return the text of each derived file."""
    public = document.document()
    return {
        document.DOCUMENT: document.text_of(public),
        gateway.GATEWAY: document.text_of(gateway.gateway_document()),
        gateway.GATEWAY_POLICY: document.text_of(gateway.gateway_policy()),
        **event_schemas.pages(),
        **sample_events.missing(public),
        SERVICES: "".join(f"{name}\n" for name in sorted(read_services(ROOT / "template.yaml"))),
        architecture_picture.PAGE: architecture_picture.page(),
        **bruno.files(public),
        emulator_patches.DOCUMENT: emulator_patches.rendered(),
        **python_client.files(public),
    }


def obsolete() -> set[Path]:
    """Return the files of event types and operations that no longer exist."""
    events = {*event_schemas.FOLDER.glob("*.json")} - event_schemas.pages().keys()
    return events | bruno.obsolete(document.document())


def main() -> None:
    """Write the files that differ, and print their names."""
    for path, text in generated().items():
        if not path.exists() or path.read_text() != text:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
            print(f"{path.relative_to(ROOT)}: written")
    for path in obsolete():
        path.unlink()
        print(f"{path.relative_to(ROOT)}: deleted")


if __name__ == "__main__":
    main()
