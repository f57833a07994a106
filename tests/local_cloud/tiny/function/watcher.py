"""Log the records of an event, and fail in the way that they name."""

import json
import time

tries = {}


def handler(event, context):
    records = event.get("Records", [])
    seen = {"function": context.function_name, "version": context.function_version}
    # An event of the bus has no records.
    print(json.dumps({"records": records or [event]} | seen))
    failures = [identifier(it) for it in records if fails(it)]
    return {"batchItemFailures": [{"itemIdentifier": it} for it in failures]}


def identifier(record):
    if command(record) == "report unknown":
        return "unknown"
    if "dynamodb" in record:
        return record["dynamodb"]["SequenceNumber"]
    return record["messageId"]


def command(record):
    if "dynamodb" in record:
        return record["dynamodb"].get("NewImage", {}).get("do", {}).get("S", "")
    body = record["body"]
    return json.loads(body).get("do", "") if body.startswith("{") else ""


def fails(record):
    requested = command(record)
    tries[identifier(record)] = tries.get(identifier(record), 0) + 1
    first = tries[identifier(record)] == 1
    if requested == "raise" or (requested == "raise once" and first):
        raise ValueError("requested by the record")
    if requested == "hang":
        time.sleep(60)
    return requested in ("report", "report unknown") or (requested == "report once" and first)
