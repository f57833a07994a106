"""Traces as trees of X-Ray documents: requests and the invocations they caused."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

GATEWAY = "AWS::ApiGateway::Stage"
FUNCTION = "AWS::Lambda::Function"

# Any: X-Ray's documents.
Document = dict[str, Any]


@dataclass
class Span:
    """A segment or subsegment, with its children by start time."""

    document: Document
    below: list["Span"] = field(default_factory=list)

    @property
    def start(self) -> float:
        start: float = self.document["start_time"]
        return start

    @property
    def end(self) -> float:
        end: float = self.document["end_time"]
        return end

    @property
    def origin(self) -> str:
        return str(self.document.get("origin", ""))

    @property
    def name(self) -> str:
        return str(self.document["name"])

    def walk(self) -> Iterator["Span"]:
        yield self
        for span in self.below:
            yield from span.walk()

    def annotation(self, name: str) -> str:
        """Return the first annotation of this name in the tree, or an empty string."""
        found = (it.document.get("annotations", {}).get(name) for it in self.walk())
        return next((str(it) for it in found if it is not None), "")

    def request_ids(self) -> set[str]:
        """Return the ids of all requests that this span processed."""
        named = {it for span in self.walk() for it in span.annotation("request_id").split()}
        gateway = self.document.get("aws", {}).get("api_gateway", {}).get("request_id")
        return named | ({gateway} if gateway else set())


def read_documents(path: Path) -> list[Document]:
    """Read the complete lines of a file that may be growing."""
    whole, _, _ = path.read_text(encoding="utf-8").rpartition("\n")
    return [json.loads(line) for line in whole.splitlines()]


def trees(documents: Iterable[Document]) -> list[Span]:
    """Return the root spans by start: requests, and invocations without a request."""
    spans = {it["id"]: Span(it) for it in _flat(documents)}
    tops: list[Span] = []
    for span in sorted(spans.values(), key=lambda it: it.start):
        above = spans.get(span.document.get("parent_id", ""))
        (above.below if above else tops).append(span)
    # Subsegments of a running function have no parent yet.
    return [it for it in tops if it.origin in (GATEWAY, FUNCTION)]


def last_requests(tops: Iterable[Span], most: int) -> list[Span]:
    requests = [it for it in tops if it.origin == GATEWAY]
    return requests[-most:] if most else []


def followed_from(tops: Iterable[Span], request_id: str) -> list[Span]:
    """Return the request and every invocation that it caused."""
    return [it for it in tops if request_id in it.request_ids()]


def _flat(documents: Iterable[Document]) -> Iterator[Document]:
    """Yield each document, and subsegments inside it as documents of their own."""
    for document in documents:
        yield document
        for inner in document.get("subsegments", []):
            yield inner | {"parent_id": document["id"]}
