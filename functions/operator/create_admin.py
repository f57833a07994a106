"""Creation of an admin by an operator, without a route."""

import json
from typing import Any  # the event is JSON from the operator

from shop.caller import Role
from shop.entrypoints.operation import operation
from shop.users.dependencies import user_service
from shop.users.requests import UserCreate


@operation
def handler(event: dict[str, Any]) -> dict[str, str]:
    """Take `{"email", "name", "password"}`, return `{"id"}`; raise if the email is in use."""
    payload = UserCreate.model_validate_json(json.dumps(event))
    return {"id": user_service().sign_up(payload, client=None, role=Role.ADMIN).id}
