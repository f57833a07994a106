"""The mail services, put together on first use."""

from functools import cache

from shop.clock import now
from shop.config import setting
from shop.identifiers import new_id
from shop.mail.postbox import SesPostbox
from shop.mail.queue import MailQueue
from shop.mail.repository import ArchiveRepository, LimitRepository, MarkRepository
from shop.mail.resending import Resending
from shop.mail.service import MailService
from shop.recovery.repository import RecoveryRepository
from shop.recovery.service import Links


@cache
def mail_service() -> MailService:
    sender = setting("MAIL_FROM")
    postbox = SesPostbox(sender) if sender else None
    links = Links(RecoveryRepository(), setting("RECOVERY_PAGE"), now)
    limit = LimitRepository(now)
    return MailService(ArchiveRepository(), links, MarkRepository(now), limit, postbox, now)


@cache
def resending() -> Resending:
    return Resending(ArchiveRepository(), MailQueue(), now, new_id)
