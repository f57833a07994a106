"""The recovery service, put together on first use."""

from functools import cache
from typing import Annotated

from shop.attempts.repository import AttemptRepository
from shop.attempts.service import AttemptService
from shop.auth.passwords import hash_password
from shop.clock import now
from shop.http.parameters import Provide
from shop.identifiers import new_id
from shop.mail.queue import MailQueue
from shop.recovery.repository import RecoveryRepository
from shop.recovery.service import RecoveryService


@cache
def recovery_service() -> RecoveryService:
    return RecoveryService(
        RecoveryRepository(),
        AttemptService(AttemptRepository(), now),
        MailQueue(),
        hash_password,
        now,
        new_id,
    )


Recovery = Annotated[RecoveryService, Provide(recovery_service)]
