"""The OpenAPI document, with the path that it was requested at as its server."""

import json
from functools import lru_cache
from hashlib import sha256
from typing import TYPE_CHECKING, Any  # `Any`: the document is JSON

from pydantic import GetJsonSchemaHandler
from pydantic_core import CoreSchema

from shop.http.response_models import ResponseModel
from shop.system.openapi_document import load_document

if TYPE_CHECKING:
    from shop.http.request import Request


class OpenApi(ResponseModel):
    """An OpenAPI 3.1 document: this one."""

    sends = ("ETag",)

    text: str

    def as_text(self) -> str:
        return self.text

    def headers(self, request: "Request") -> dict[str, str]:  # noqa: ARG002
        return {"ETag": f'"{sha256(self.text.encode()).hexdigest()[:32]}"'}

    @classmethod
    def __get_pydantic_json_schema__(
        cls, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        """Describe the body, which is the text, not an object with a field `text`."""
        described = handler.resolve_ref_schema(handler(schema))
        anything = {"type": "object", "additionalProperties": True}
        version = {"type": "string", "const": "3.1.0"}
        described["properties"] = {"openapi": version, "info": anything, "paths": anything}
        described["required"] = [*described["properties"]]
        described["additionalProperties"] = True
        described["examples"] = [
            {"openapi": "3.1.0", "info": {"title": "Shop", "version": "0.1.0"}, "paths": {}}
        ]
        return described


@lru_cache(maxsize=8)  # the stage, and one or two custom domains
def open_api(prefix: str) -> OpenApi:
    """Return the document of the API below this path, without a host: clients control `Host`."""
    document = load_document()
    document["servers"][0]["url"] = prefix or "/"
    return OpenApi(text=json.dumps(document, ensure_ascii=False, separators=(",", ":")))
