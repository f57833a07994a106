"""The first admin, made by whoever may invoke this function; it has no route."""

import json
from typing import Any  # the event is what the operator wrote

from shop.caller import Role
from shop.entrypoints.operation import operation
from shop.users.dependencies import user_service
from shop.users.schemas import UserCreate


@operation
def handler(event: dict[str, Any]) -> dict[str, str]:
    """Takes `{"email", "name", "password"}`, gives `{"id"}`; raises where the e-mail is in use."""
    payload = UserCreate.model_validate_json(json.dumps(event))
    return {"id": user_service().sign_up(payload, client=None, role=Role.ADMIN).id}
