"""Response bodies: models that know their media type and headers."""

from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Self

from pydantic import Field

from shop.preconditions import entity_tag
from shop.schemas import Id, Schema

if TYPE_CHECKING:
    from shop.http.request import Request


class ResponseModel(Schema):
    """A response body: JSON, unless it says otherwise, in its headers too."""

    media_type: ClassVar = "application/json"
    sends: ClassVar[tuple[str, ...]] = ()  # names of the headers that it gives

    def as_text(self) -> str:
        return self.model_dump_json()

    def headers(self, request: "Request") -> dict[str, str]:  # noqa: ARG002
        return {}


class Resource(ResponseModel):
    """A response body that is one stored thing."""

    sends = ("ETag",)

    id: Id
    version: Annotated[int, Field(exclude=True)]

    @classmethod
    def of(cls, stored: Any) -> Self:
        """The reply that tells of a model; `Any`, since each feature says of which."""
        raise NotImplementedError

    def headers(self, request: "Request") -> dict[str, str]:
        """Its version is its strong ETag, and what a POST made lies below where it was made."""
        headers = {"ETag": entity_tag(self.version)}
        if request.method == "POST":
            headers["Location"] = f"{request.path.rstrip('/')}/{self.id}"
        return headers
