"""Response bodies: models with their media type and headers."""

from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Self

from pydantic import Field

from shop.preconditions import entity_tag
from shop.schemas import Id, Schema

if TYPE_CHECKING:
    from shop.http.request import Request


class ResponseModel(Schema):
    """A response body: JSON by default."""

    media_type: ClassVar = "application/json"
    sends: ClassVar[tuple[str, ...]] = ()  # the names of its headers, for the OpenAPI document

    def as_text(self) -> str:
        return self.model_dump_json()

    def headers(self, request: "Request") -> dict[str, str]:  # noqa: ARG002
        return {}


class Resource(ResponseModel):
    """A response body that represents one stored resource."""

    sends = ("ETag",)
    resource_name: ClassVar[str]  # in snake_case: a trace of its creation has `<name>_id`

    id: Id
    version: Annotated[int, Field(exclude=True)]

    @classmethod
    def of(cls, stored: Any) -> Self:
        """Return the representation of a model; `Any`, since each feature has its own model."""
        raise NotImplementedError

    def headers(self, request: "Request") -> dict[str, str]:
        """Return the version as a strong ETag and, after a POST, the `Location`."""
        headers = {"ETag": entity_tag(self.version)}
        if request.method == "POST":
            headers["Location"] = f"{request.path.rstrip('/')}/{self.id}"
        return headers
