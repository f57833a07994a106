"""HTTP responses as they are sent and as they are recorded."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Response:
    """An answer as it goes over the wire: what is told once is told again byte for byte."""

    status: int
    headers: Mapping[str, str]
    body: str
