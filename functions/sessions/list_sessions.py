"""GET /api/sessions: list your sessions."""

from shop.auth.caller import Caller
from shop.endpoint import endpoint
from shop.sessions.provide import Sessions
from shop.sessions.schemas import SessionPage


@endpoint("GET /api/sessions")
def handler(caller: Caller, sessions: Sessions) -> SessionPage:
    """List where you are logged in, newest first."""
    return SessionPage.of_all(sessions.live(caller), caller.session_id)
