"""DELETE /api/sessions/{sessionId}: end a session."""

from shop.caller import Caller
from shop.entrypoints.http import endpoint
from shop.errors import NotFound
from shop.identity.sessions.dependencies import Sessions
from shop.identity.sessions.parameters import SessionId


@endpoint("DELETE /api/sessions/{sessionId}", raises=(NotFound,))
def handler(session_id: SessionId, caller: Caller, sessions: Sessions) -> None:
    """End one of the caller's sessions (`current`: this one)."""
    sessions.end(caller, session_id)
