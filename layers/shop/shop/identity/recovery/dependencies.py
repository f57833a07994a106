"""The recovery service, created on first use."""

from functools import cache
from typing import Annotated

from shop.clock import now
from shop.depends import Depends
from shop.email_queue import SqsEmailQueue
from shop.identifiers import new_id
from shop.identity.login_attempts.repository import LoginAttemptRepository
from shop.identity.login_attempts.service import LoginAttemptService
from shop.identity.passwords import hash_password
from shop.identity.recovery.repository import RecoveryRepository
from shop.identity.recovery.service import RecoveryService


@cache
def recovery_service() -> RecoveryService:
    return RecoveryService(
        RecoveryRepository(),
        LoginAttemptService(LoginAttemptRepository(), now),
        SqsEmailQueue(),
        hash_password,
        now,
        new_id,
    )


Recovery = Annotated[RecoveryService, Depends(recovery_service)]
