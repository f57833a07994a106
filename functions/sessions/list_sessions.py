"""GET /api/sessions: list the caller's sessions."""

from shop.caller import Caller
from shop.entrypoints.http import endpoint
from shop.identity.sessions.dependencies import Sessions
from shop.identity.sessions.responses import SessionPage


@endpoint("GET /api/sessions")
def handler(caller: Caller, sessions: Sessions) -> SessionPage:
    """List the caller's sessions, newest first."""
    return SessionPage.of_all(sessions.list_active(caller), caller.session_id)
