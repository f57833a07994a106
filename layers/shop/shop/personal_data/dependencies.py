"""The service of personal data, created on first use."""

from functools import cache
from typing import Annotated

from shop.clock import now
from shop.config import setting
from shop.depends import Depends
from shop.email_queue import SqsEmailQueue
from shop.personal_data.categories import categories
from shop.personal_data.repository import PersonalDataRepository
from shop.personal_data.service import PersonalDataService


@cache
def personal_data_service() -> PersonalDataService:
    return PersonalDataService(
        PersonalDataRepository(),
        SqsEmailQueue(),
        lambda: categories(int(setting("LOG_RETENTION_DAYS"))),
        now,
    )


PersonalDataExport = Annotated[PersonalDataService, Depends(personal_data_service)]
