"""Answer with the event and with where the function finds itself."""

import json
import os
import sys

import layered

print(json.dumps({"level": "INFO", "message": "starting"}))


def importable(name: str) -> bool:
    try:
        __import__(name)
    except ImportError:
        return False
    return True


def handler(event, context):
    answer = {
        "event": event,
        "layer": layered.NAME,
        "path": sys.path,
        "variables": dict(os.environ),
        "boto3": importable("boto3"),
        "ministack": importable("ministack"),
        "log_stream": context.log_stream_name,
        "arn": context.invoked_function_arn,
    }
    headers = {"Content-Type": "application/json", "WWW-Authenticate": "Basic"}
    return {"statusCode": 200, "headers": headers, "body": json.dumps(answer)}
