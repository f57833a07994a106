"""The functions in the picture of docs/architecture.md: one node for each folder of functions/."""

import re
from itertools import batched

from tools.deployments import ROOT
from tools.local_cloud.project import read_project

PAGE = ROOT / "docs/architecture.md"

_ROUTED = "  gateway --> "  # begins the line of a folder's node
_FUNCTIONS_PER_LINE = 3


def page() -> str:
    """Return the page with a current list of functions in each folder's node."""
    text = PAGE.read_text()
    for folder, names in _functions_by_folder().items():
        lines = "<br>".join(
            " · ".join(line) for line in batched(names, _FUNCTIONS_PER_LINE, strict=False)
        )
        node = f"{folder}[[{lines}]]"
        text, found = re.subn(rf"\b{folder}\[\[.*?\]\]", node, text, count=1)
        if not found and folder not in _DRAWN_ELSEWHERE:
            before, line, after = text.rpartition(_ROUTED)
            text = f"{before}{_ROUTED}{node}\n{line}{after}"
    return text


# Folders whose functions have no route, drawn one by one.
_DRAWN_ELSEWHERE = ("deployment", "operator", "workers")


def _functions_by_folder() -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for function in read_project(ROOT / "template.yaml").functions:
        found.setdefault(function.folder.name, []).append(function.logical_id)
    return found
