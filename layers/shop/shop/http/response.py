"""HTTP responses, as sent and as recorded for replay."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Response:
    """A response that is replayed byte for byte."""

    status: int
    headers: Mapping[str, str]
    body: str
