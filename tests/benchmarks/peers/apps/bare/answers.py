"""The response format of API Gateway, and the caller of an event."""

import json

_HEADERS = {"Content-Type": "application/json"}


def answer(status, body):
    return {"statusCode": status, "headers": _HEADERS, "body": json.dumps(body)}


def may(event):
    sub = event["requestContext"]["authorizer"]["sub"]
    return event["pathParameters"]["userId"] == sub
