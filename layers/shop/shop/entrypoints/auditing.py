"""Audit records of requests: changes and exports by admins, whatever their outcome."""

from typing import Any, Protocol  # fields of the log have values of many types

from shop.caller import Caller
from shop.correlation import named_client
from shop.http.audit_entry import AuditEntry
from shop.http.request import Request
from shop.http.response import Response
from shop.identifiers import canonical_id
from shop.json_names import to_snake
from shop.observability import audit


class Audited(Protocol):
    @property
    def route(self) -> str: ...

    @property
    def is_audited(self) -> bool: ...


def audit_request(
    endpoint: Audited, caller: Caller | None, request: Request, response: Response
) -> None:
    """Audit a request to an audited route; of GraphQL, one with a mutation."""
    if caller is None or not caller.is_admin:
        return
    entry = request.audit_entry or _entry_of_route(endpoint, caller, request, response)
    if entry is not None:
        outcome = response.status if entry.outcome is None else entry.outcome
        audit(
            entry.action,
            actor=caller.id,
            subject=entry.subject,
            outcome=outcome,
            **client_of(caller),
        )


def client_of(caller: Caller | None) -> dict[str, Any]:
    """Return the log field of a third-party app: that of the token, or the one that is named."""
    app = None if caller is None else caller.app
    client_id = named_client.get() if app is None else app.client_id
    return {} if client_id is None else {"client_id": client_id}


def _entry_of_route(
    endpoint: Audited, caller: Caller, request: Request, response: Response
) -> AuditEntry | None:
    """Return the action of the route, with ids only: other text may be personal data or a token."""
    if not endpoint.is_audited or request.face == "graphql":
        return None
    aliases = {"me": caller.id, "current": caller.session_id}
    ids = {n: aliases.get(text, text) for n, text in request.path_parameters.items()}
    subject = {to_snake(n): id_ for n, text in ids.items() if (id_ := canonical_id(text))}
    if "Location" in response.headers:
        subject["id"] = response.headers["Location"].rpartition("/")[2]
    return AuditEntry(endpoint.route, subject, None)
