"""The OpenAPI document in the layer, without the models that serve it."""

import json
import re
from pathlib import Path
from typing import Any  # the document is JSON


def load_document() -> Any:
    return json.loads(Path(__file__).with_name("openapi.json").read_text("utf-8"))


def path_ids() -> frozenset[str]:
    """Return the names of the ids in paths, such as `userId`."""
    return frozenset(re.findall(r"{(\w+Id)}", " ".join(load_document()["paths"])))


def read_operations() -> frozenset[str]:
    """Return the operation ids of all GET routes."""
    paths = load_document()["paths"].values()
    return frozenset(path["get"]["operationId"] for path in paths if "get" in path)
