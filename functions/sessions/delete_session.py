"""DELETE /api/sessions/{sessionId}: end a session."""

from shop.auth.caller import Caller
from shop.endpoint import endpoint
from shop.errors import NotFound
from shop.sessions.provide import Sessions
from shop.sessions.schemas import SessionId


@endpoint("DELETE /api/sessions/{sessionId}", raises=(NotFound,))
def handler(session_id: SessionId, caller: Caller, sessions: Sessions) -> None:
    """Log out of one session of yours (`current`: this one)."""
    sessions.end(caller, session_id)
