"""POST /api/users/{userId}/orders."""

import base64
import json

import rules
import store
from responses import is_owner, respond


def handler(event, context):
    if not is_owner(event):
        return respond(403, {"error": "forbidden"})
    try:
        body = json.loads(base64.b64decode(event["body"]))
    except ValueError:
        return respond(400, {"error": "no JSON"})
    if wrong := rules.problem(body):
        return respond(400, {"error": wrong})
    order = store.place(event["pathParameters"]["userId"], body["items"], body.get("note"))
    return respond(201, order)
