"""GET /api/users/{userId}."""

import store
from answers import answer, may


def handler(event, context):
    if not may(event):
        return answer(403, {"error": "forbidden"})
    user = store.user(event["pathParameters"]["userId"])
    if user is None:
        return answer(404, {"error": "not found"})
    return answer(200, user)
