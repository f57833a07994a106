"""The rules of authorizations: the request, the consent of the user, and the code."""

from collections.abc import Sequence
from copy import replace
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple, Protocol

from shop.caller import Caller
from shop.clock import Clock
from shop.correlation import name_client
from shop.errors import Detail, Unauthorized, ValidationFailed
from shop.identifiers import NewId
from shop.identity.sessions.models import Session
from shop.oauth.authorizations.rules import (
    AuthorizationError,
    AuthorizationRequest,
    NoRedirect,
    check_prompt,
    check_redirect,
    redirect_with,
    redirect_with_error,
    wanted_scopes,
)
from shop.oauth.clients.models import OAuthClient
from shop.oauth.grants.models import (
    CODE_LIFETIME,
    CONSENT_LIFETIME,
    MAX_FAMILIES,
    AuthorizationContext,
    Consent,
    Family,
    FamilyState,
    Standing,
)
from shop.oauth.opaque import AuthorizationCode
from shop.oauth.redirect_uris import is_assured
from shop.retries import retry_stale

if TYPE_CHECKING:
    from shop.oauth.authorizations.requests import AuthorizationCreate


class Authorization(NamedTuple):
    """What the page shows, and where the browser goes next; None to ask the user first."""

    client: OAuthClient
    scopes: Sequence[str]
    redirect_to: str | None


class GrantStore(Protocol):
    def authorization_context(
        self, user_id: str, session_id: str, client_id: str
    ) -> AuthorizationContext: ...

    def authorize(
        self,
        client: OAuthClient,
        session: Session,
        before: Consent | None,
        after: Consent,
        family: Family,
        ended: Sequence[Family],
        ends_session: bool,
    ) -> None:
        """Write consent and family, and delete the `ended` families.

        Raise `StaleVersion` if consent or client changed, and `Unauthorized` if the session ended.
        """


class AuthorizationService:
    def __init__(self, grants: GrantStore, issuer: str, clock: Clock, new_id: NewId) -> None:
        self._grants = grants
        self._issuer = issuer
        self._clock = clock
        self._new_id = new_id

    def create(self, caller: Caller, payload: "AuthorizationCreate") -> Authorization:
        """Return the questions of a request or, with consent, the redirect with its code.

        Raise `ValidationFailed` if nobody may be redirected.
        """
        request = payload.request()
        name_client(payload.client_id)

        def create() -> Authorization:
            context = self._grants.authorization_context(
                caller.id, caller.session_id, payload.client_id
            )
            client = _checked(request, context.client)
            try:
                return self._authorize(context, client, request, payload)
            except AuthorizationError as error:
                target = redirect_with_error(request, self._issuer, error)
                return Authorization(client, (), target)

        return retry_stale(create)

    def _authorize(
        self,
        context: AuthorizationContext,
        client: OAuthClient,
        request: AuthorizationRequest,
        payload: "AuthorizationCreate",
    ) -> Authorization:
        scopes = wanted_scopes(request, client)
        must_ask = check_prompt(request)
        now, session = self._clock(), context.session
        if session is None or not session.is_live(context.account_state, now):
            raise Unauthorized
        if payload.consent == "refused":
            raise AuthorizationError("access_denied", "The user did not allow it.")
        if payload.consent != "given" and (
            must_ask or not _is_remembered(context.consent, client, request, scopes, now)
        ):
            return Authorization(client, scopes, None)
        consent = self._consent(context.consent, session.user_id, client.id, scopes, now)
        family, code = self._family(session, consent, request, scopes, now)
        self._grants.authorize(
            client,
            session,
            context.consent,
            consent,
            family,
            _families_to_end(context, now),
            payload.end_session,
        )
        return Authorization(client, scopes, redirect_with(request, self._issuer, code=code.text))

    def _consent(
        self,
        before: Consent | None,
        user_id: str,
        client_id: str,
        scopes: Sequence[str],
        now: datetime,
    ) -> Consent:
        ends_at = now + CONSENT_LIFETIME
        if before is None or before.ends_at <= now:
            return Consent(
                user_id=user_id,
                client_id=client_id,
                grant_id=self._new_id(),
                scopes=scopes,
                created_at=now,
                updated_at=now,
                ends_at=ends_at,
                version=1 if before is None else before.version + 1,
            )
        union = [*dict.fromkeys([*before.scopes, *scopes])]
        return replace(
            before, scopes=union, updated_at=now, ends_at=ends_at, version=before.version + 1
        )

    def _family(
        self,
        session: Session,
        consent: Consent,
        request: AuthorizationRequest,
        scopes: Sequence[str],
        now: datetime,
    ) -> tuple[Family, AuthorizationCode]:
        code = AuthorizationCode.new(session.user_id, self._new_id())
        assert request.code_challenge is not None and request.redirect_uri is not None
        family = Family(
            user_id=session.user_id,
            client_id=consent.client_id,
            id=code.family_id,
            grant_id=consent.grant_id,
            generation=session.generation,
            state=FamilyState.CODE,
            scopes=scopes,
            code_digest=code.digest,
            code_challenge=request.code_challenge,
            redirect_uri=request.redirect_uri,
            nonce=request.nonce,
            authenticated_at=session.created_at,
            code_expires_at=now + CODE_LIFETIME,
            created_at=now,
        )
        return family, code


def _checked(request: AuthorizationRequest, client: OAuthClient | None) -> OAuthClient:
    try:
        check_redirect(request, client)
    except NoRedirect as error:
        fields = {"client_id": "body.clientId", "redirect_uri": "body.redirectUri"}
        detail = Detail(fields[error.parameter], "not_registered", error.message)
        raise ValidationFailed(details=[detail]) from None
    assert client is not None
    return client


def _is_remembered(
    consent: Consent | None,
    client: OAuthClient,
    request: AuthorizationRequest,
    scopes: Sequence[str],
    now: datetime,
) -> bool:
    """Return whether the user need not be asked again.

    On a user's machine any program can receive what is sent to the redirect URI of a public client
    (RFC 8252, 8.6), so such clients always ask.
    """
    is_sure = not client.is_public or is_assured(request.redirect_uri or "")
    return (
        is_sure and consent is not None and now < consent.ends_at and {*scopes} <= {*consent.scopes}
    )


def _families_to_end(context: AuthorizationContext, now: datetime) -> Sequence[Family]:
    """Return the dead families, and the oldest ones above the limit."""
    consent, state, client = context.consent, context.account_state, context.client
    authorized = [
        it for it in context.families if Standing(it, consent, state, client).is_authorized(now)
    ]
    kept = {family.id for family in authorized[: MAX_FAMILIES - 1]}
    return [family for family in context.families if family.id not in kept]
