"""JSON Schema of fields for the OpenAPI document, without pydantic, which only builds it."""

from typing import Any  # keywords have values of many types


class JsonSchema:
    """Keywords for the document only, in `Annotated`: stored values may predate a newer rule."""

    def __init__(self, **keywords: Any) -> None:
        self._keywords = keywords

    def __get_pydantic_json_schema__(self, schema: Any, handler: Any) -> dict[str, Any]:
        """Add the keywords to the schema of the annotated type."""
        return {**handler(schema), **self._keywords}
