"""Authorization of access tokens, checked against the stored state that they depend on."""

import time
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, Protocol  # a policy is JSON

from shop.clock import Clock
from shop.identity.access_tokens import Claims, InvalidToken, scope_of
from shop.identity.accounts.models import AccountState
from shop.identity.sessions.models import Session
from shop.observability import logger


class SessionStore(Protocol):
    def with_account_state(
        self, user_id: str, session_id: str
    ) -> tuple[Session | None, AccountState | None]: ...


class AllowedCaller(NamedTuple):
    """A caller with a valid token, and the context that the gateway passes to functions."""

    id: str
    context: Mapping[str, str]


class Authorizer:
    """`caller_of` returns the caller of a token, or raises `InvalidToken`."""

    def __init__(self, caller_of: Callable[[str], AllowedCaller]) -> None:
        self._caller_of = caller_of

    def decide(self, token: str, method_arn: str) -> dict[str, Any]:
        """Return an Allow policy with the caller as context, or a Deny policy.

        The policy covers the whole stage, since API Gateway caches it for all routes.
        """
        began = time.perf_counter()
        api_and_stage = "/".join(method_arn.split("/")[:2])
        try:
            caller = self._caller_of(token)
        except InvalidToken as reason:
            verdict, caller_id = str(reason), reason.caller_id
            policy = _policy("anonymous", "Deny", api_and_stage, {})
        else:
            verdict, caller_id = "allowed", caller.id
            policy = _policy(caller.id, "Allow", api_and_stage, caller.context)
        logger().info(
            "authorization",
            verdict=verdict,
            caller_id=caller_id,
            milliseconds=round((time.perf_counter() - began) * 1000, 1),
        )
        return policy


class SessionCallers:
    """Callers by the access tokens of sessions."""

    def __init__(
        self, sessions: SessionStore, verify: Callable[[str], Claims], clock: Clock
    ) -> None:
        self._sessions = sessions
        self._verify = verify
        self._clock = clock

    def find(self, token: str) -> AllowedCaller:
        """Return the caller of a live session; raise `InvalidToken`.

        The role is that of the account state, not that of the token.
        """
        claims = self._verify(token)
        session, account_state = self._sessions.with_account_state(
            claims.user_id, claims.session_id
        )
        if (
            session is None
            or account_state is None
            or not session.is_live(account_state, self._clock())
        ):
            raise InvalidToken("session", claims.user_id)
        return AllowedCaller(
            account_state.user_id,
            {
                "sub": account_state.user_id,
                "sid": session.id,
                "role": account_state.role.value,
                "scope": scope_of(account_state.role),
            },
        )


def _policy(
    principal: str, effect: str, api_and_stage: str, context: Mapping[str, str]
) -> dict[str, Any]:
    statement = {
        "Action": "execute-api:Invoke",
        "Effect": effect,
        "Resource": f"{api_and_stage}/*",
    }
    return {
        "principalId": principal,
        "policyDocument": {"Version": "2012-10-17", "Statement": [statement]},
        "context": dict(context),
    }
