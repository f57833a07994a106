"""GET /api/users/{userId}."""

import store
from responses import is_owner, respond


def handler(event, context):
    if not is_owner(event):
        return respond(403, {"error": "forbidden"})
    user = store.user(event["pathParameters"]["userId"])
    if user is None:
        return respond(404, {"error": "not found"})
    return respond(200, user)
