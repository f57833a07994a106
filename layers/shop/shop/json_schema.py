"""JSON Schema of fields for the OpenAPI document, in a class that needs no pydantic."""

from typing import Any  # keywords have values of many types


class JsonSchema:
    """Metadata of `Annotated`: keywords for the document that validate nothing.

    Stored values may predate a rule, and credentials of any form are answered alike.
    """

    def __init__(self, **keywords: Any) -> None:
        self._keywords = keywords

    def __get_pydantic_json_schema__(self, schema: Any, handler: Any) -> dict[str, Any]:
        """Add the keywords to the schema of the annotated type."""
        return {**handler(schema), **self._keywords}
