"""Wishes for mail, put where events wait for the worker too."""

import json
from collections.abc import Mapping
from datetime import datetime

from shop.clients import queues
from shop.config import setting
from shop.mail.schemas import wish


class MailQueue:
    def put(self, id_: str, type_: str, time: datetime, data: Mapping[str, str]) -> None:
        """Sent twice where an answer was lost: the id is the same, and the mail one."""
        body = json.dumps(wish(id_, type_, time, data))
        queues().send_message(QueueUrl=setting("EMAILS_TO_SEND_QUEUE"), MessageBody=body)
