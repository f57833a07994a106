"""The id by which work is followed, from the request that led to it to its last mail."""

from contextvars import ContextVar

# The edges set it: of a request it is its id, of an event what that carries. Who writes an item
# that others learn of by its stream writes it with the item.
correlation_id: ContextVar[str | None] = ContextVar("correlation_id", default=None)
