"""The email services, created on first use."""

from functools import cache

from shop.clock import now
from shop.config import setting
from shop.email_queue import SqsEmailQueue
from shop.identifiers import new_id
from shop.identity.recovery.repository import RecoveryRepository
from shop.identity.recovery.service import RecoveryLinks
from shop.mail.email_resender import EmailResender
from shop.mail.mailer import SesMailer
from shop.mail.repository import DeliveryLogRepository, EmailContextRepository, LimitRepository
from shop.mail.service import MailService


@cache
def mail_service() -> MailService:
    sender = setting("MAIL_FROM")
    mailer = SesMailer(sender, setting("MAIL_CONFIGURATION_SET")) if sender else None
    links = RecoveryLinks(RecoveryRepository(), setting("RECOVERY_PAGE"), now)
    limit = LimitRepository(now)
    return MailService(
        EmailContextRepository(), links, DeliveryLogRepository(now), limit, mailer, now
    )


@cache
def email_resender() -> EmailResender:
    return EmailResender(EmailContextRepository(), SqsEmailQueue(), now, new_id)
