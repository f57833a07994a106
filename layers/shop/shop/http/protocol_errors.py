"""Errors in the form of a protocol other than the API's own."""

from shop.http.response import Response


class ProtocolError(Exception):
    """An outcome that brings its response; `code` is for the log, None if it is no error."""

    def __init__(self, response: Response, code: str | None) -> None:
        self.response = response
        self.code = code
        super().__init__(code)
