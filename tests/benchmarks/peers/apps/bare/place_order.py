"""POST /api/users/{userId}/orders."""

import base64
import json

import rules
import store
from answers import answer, may


def handler(event, context):
    if not may(event):
        return answer(403, {"error": "forbidden"})
    try:
        body = json.loads(base64.b64decode(event["body"]))
    except ValueError:
        return answer(400, {"error": "no JSON"})
    if wrong := rules.problem(body):
        return answer(400, {"error": wrong})
    order = store.place(event["pathParameters"]["userId"], body["items"], body.get("note"))
    return answer(201, order)
