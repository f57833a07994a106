"""The correlation id: it links a request to the events and emails that it causes."""

from contextvars import ContextVar

# Entry points set it: the id of the request, or the one in an event. Items whose stream leads to
# events are written together with it.
correlation_id: ContextVar[str | None] = ContextVar("correlation_id", default=None)
