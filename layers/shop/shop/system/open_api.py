"""The OpenAPI document, with the path that it was requested at in its URLs."""

import json
from functools import lru_cache
from hashlib import sha256
from typing import TYPE_CHECKING

from shop.http.response_models import ResponseModel
from shop.system.openapi_document import load_document

if TYPE_CHECKING:
    from shop.http.request import Request


_ANYTHING = {"type": "object", "additionalProperties": True}


class OpenApi(ResponseModel):
    """An OpenAPI 3.1 document: this one."""

    sends = ("ETag",)
    body_schema = {
        "type": "object",
        "properties": {
            "openapi": {"type": "string", "const": "3.1.0"},
            "info": _ANYTHING,
            "paths": _ANYTHING,
        },
        "required": ["openapi", "info", "paths"],
        "additionalProperties": True,
        "examples": [
            {"openapi": "3.1.0", "info": {"title": "Shop", "version": "0.1.0"}, "paths": {}}
        ],
    }

    text: str

    def as_text(self) -> str:
        return self.text

    def headers(self, request: "Request") -> dict[str, str]:  # noqa: ARG002
        return {"ETag": f'"{sha256(self.text.encode()).hexdigest()[:32]}"'}


@lru_cache(maxsize=8)  # the stage, and one or two custom domains
def open_api(prefix: str) -> OpenApi:
    """Return the document of the API below this path, without a host: clients control `Host`."""
    document = load_document()
    document["servers"][0]["url"] = prefix or "/"
    # Absolute paths are not below the server's path (RFC 3986, 5.2.2).
    for flow in document["components"]["securitySchemes"]["oauth2"]["flows"].values():
        flow.update({n: prefix + path for n, path in flow.items() if n.endswith("Url")})
    return OpenApi(text=json.dumps(document, ensure_ascii=False, separators=(",", ":")))
