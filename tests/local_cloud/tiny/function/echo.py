"""Return the event and the environment of the function."""

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
    response = {
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
    return {"statusCode": 200, "headers": headers, "body": json.dumps(response)}
