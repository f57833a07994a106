"""The pre-traffic check, created on first use."""

from functools import cache

from shop.clients import deployments, functions
from shop.config import setting
from shop.deployment.pre_traffic import PreTrafficCheck
from shop.system.openapi_document import path_ids, read_operations


@cache
def pre_traffic_check() -> PreTrafficCheck:
    return PreTrafficCheck(
        deployments(),
        functions(),
        setting("CHECK_READINESS_FUNCTION"),
        read_operations(),
        path_ids(),
    )
