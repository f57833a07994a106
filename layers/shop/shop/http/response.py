"""HTTP responses, as sent and as recorded for replay."""

from collections.abc import Mapping
from typing import NamedTuple


class Response(NamedTuple):
    """A response that is replayed byte for byte."""

    status: int
    headers: Mapping[str, str]
    body: str
