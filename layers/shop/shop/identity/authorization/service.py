"""Authorization of access tokens, checked against the stored session and account state."""

import time
from collections.abc import Callable
from typing import Any, Protocol  # a policy is JSON

from shop.clock import Clock
from shop.identity.access_tokens import Claims, InvalidToken, scope_of
from shop.identity.accounts.models import AccountState
from shop.identity.sessions.models import Session
from shop.observability import logger


class SessionStore(Protocol):
    def with_account_state(
        self, user_id: str, session_id: str
    ) -> tuple[Session | None, AccountState | None]: ...


class Authorizer:
    def __init__(
        self, sessions: SessionStore, verify: Callable[[str], Claims], clock: Clock
    ) -> None:
        self._sessions = sessions
        self._verify = verify
        self._clock = clock

    def decide(self, token: str, method_arn: str) -> dict[str, Any]:
        """Return an Allow policy with the caller as context, or a Deny policy.

        The role is that of the account state, not that of the token. The policy covers the whole
        stage, since API Gateway caches it for all routes.
        """
        began = time.perf_counter()
        verdict, caller_id, policy = self._verdict(token, "/".join(method_arn.split("/")[:2]))
        logger().info(
            "authorization",
            verdict=verdict,
            caller_id=caller_id,
            milliseconds=round((time.perf_counter() - began) * 1000, 1),
        )
        return policy

    def _verdict(self, token: str, api_and_stage: str) -> tuple[str, str | None, dict[str, Any]]:
        """Return a verdict for the log, the id of the caller if it is proven, and the policy."""
        claims = None
        try:
            claims = self._verify(token)
            session, account_state = self._sessions.with_account_state(
                claims.user_id, claims.session_id
            )
            if (
                session is None
                or account_state is None
                or not session.is_live(account_state, self._clock())
            ):
                raise InvalidToken("session")
        except InvalidToken as reason:
            caller_id = claims.user_id if claims else None
            return str(reason), caller_id, _policy("anonymous", "Deny", api_and_stage, {})
        caller = {
            "sub": account_state.user_id,
            "sid": session.id,
            "role": account_state.role.value,
            "scope": scope_of(account_state.role),
        }
        return (
            "allowed",
            account_state.user_id,
            _policy(account_state.user_id, "Allow", api_and_stage, caller),
        )


def _policy(
    principal: str, effect: str, api_and_stage: str, context: dict[str, str]
) -> dict[str, Any]:
    statement = {
        "Action": "execute-api:Invoke",
        "Effect": effect,
        "Resource": f"{api_and_stage}/*",
    }
    return {
        "principalId": principal,
        "policyDocument": {"Version": "2012-10-17", "Statement": [statement]},
        "context": context,
    }
