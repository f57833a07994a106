"""The OpenAPI document as it is served: it says that the API is where the document was read."""

import json
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any  # `Any`: the document is JSON

from pydantic import GetJsonSchemaHandler
from pydantic_core import CoreSchema

from shop.http.response_models import ResponseModel

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
        """The text is the body, and not a field of it."""
        told = handler.resolve_ref_schema(handler(schema))
        anything = {"type": "object", "additionalProperties": True}
        version = {"type": "string", "const": "3.1.0"}
        told["properties"] = {"openapi": version, "info": anything, "paths": anything}
        told["required"] = [*told["properties"]]
        told["additionalProperties"] = True
        told["examples"] = [
            {"openapi": "3.1.0", "info": {"title": "Shop", "version": "0.1.0"}, "paths": {}}
        ]
        return told


@lru_cache(maxsize=8)  # a stage and a domain or two
def open_api(prefix: str) -> OpenApi:
    """Of the API below this path; never of a host, which callers say."""
    document = json.loads(Path(__file__).with_name("openapi.json").read_text("utf-8"))
    document["servers"][0]["url"] = prefix or "/"
    return OpenApi(text=json.dumps(document, ensure_ascii=False, separators=(",", ":")))
