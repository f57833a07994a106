"""The correlation id, which links a request to the events and emails that it causes; the client."""

from contextvars import ContextVar

from shop.identifiers import canonical_id

# Entry points set it: the id of the request, or the one in an event. Items whose stream leads to
# events are written together with it.
correlation_id: ContextVar[str | None] = ContextVar("correlation_id", default=None)
# The OAuth client that a request names, or None: for the log.
named_client: ContextVar[str | None] = ContextVar("named_client", default=None)


def name_client(client_id: str | None) -> None:
    """Log the client of the request, which need not be authenticated. Other text is not logged."""
    named_client.set(None if client_id is None else canonical_id(client_id))
