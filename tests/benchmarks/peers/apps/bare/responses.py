"""The response format of API Gateway, and the caller of an event."""

import json

_HEADERS = {"Content-Type": "application/json"}


def respond(status, body):
    return {"statusCode": status, "headers": _HEADERS, "body": json.dumps(body)}


def is_owner(event):
    sub = event["requestContext"]["authorizer"]["sub"]
    return event["pathParameters"]["userId"] == sub
