"""Form bodies by the rules of OAuth (RFC 6749, 3.2): unknown parameters are ignored."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple  # a model has fields of its own
from urllib.parse import parse_qsl

from shop.http.parameters import BoundEndpoint, Reader
from shop.http.protocol_errors import ProtocolError
from shop.http.request import MAX_BODY_BYTES, Request

MEDIA_TYPE = "application/x-www-form-urlencoded"
MAX_FIELDS = 50
MAX_TEXT = MAX_BODY_BYTES  # characters of a field


class Form(NamedTuple):
    """Metadata of a parameter that is read from the form: a named tuple of texts, or None.

    `rejected` returns the error of a malformed form.
    """

    model: type[Any]
    fields: tuple[str, ...]
    rejected: Callable[[str], ProtocolError]

    def bind(self, _endpoint: BoundEndpoint, _: str, /) -> Reader:
        return self._read

    def _read(self, request: Request) -> object:
        sent = self._parameters(request)
        return self.model(**{name: sent.get(name) for name in self.fields})

    def _parameters(self, request: Request) -> Mapping[str, str]:
        """Return the parameters that are not empty; raise the error of a malformed form."""
        media_type, _, _ = request.headers.get("content-type", "").partition(";")
        if media_type.strip().lower() != MEDIA_TYPE:
            raise self.rejected(f"The body must be {MEDIA_TYPE}.")
        body = request.raw_body()
        try:
            pairs = parse_qsl(
                body.decode(), keep_blank_values=True, errors="strict", max_num_fields=MAX_FIELDS
            )
        except ValueError:
            raise self.rejected("The form is malformed.") from None
        if len({name for name, _ in pairs}) != len(pairs):
            raise self.rejected("A parameter is given more than once.")
        return {name: value for name, value in pairs if value}
