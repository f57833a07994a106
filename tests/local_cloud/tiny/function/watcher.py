"""Log the records that came, and do what they ask for."""

import json
import time

tries = {}


def handler(event, context):
    records = event.get("Records", [])
    seen = {"function": context.function_name, "version": context.function_version}
    # What comes from the bus has no records and is one.
    print(json.dumps({"records": records or [event]} | seen))
    failures = [identifier(it) for it in records if fails(it)]
    return {"batchItemFailures": [{"itemIdentifier": it} for it in failures]}


def identifier(record):
    if wish(record) == "report nobody":
        return "nobody"
    if "dynamodb" in record:
        return record["dynamodb"]["SequenceNumber"]
    return record["messageId"]


def wish(record):
    if "dynamodb" in record:
        return record["dynamodb"].get("NewImage", {}).get("do", {}).get("S", "")
    body = record["body"]
    return json.loads(body).get("do", "") if body.startswith("{") else ""


def fails(record):
    wanted = wish(record)
    tries[identifier(record)] = tries.get(identifier(record), 0) + 1
    first = tries[identifier(record)] == 1
    if wanted == "raise" or (wanted == "raise once" and first):
        raise ValueError("as it was asked to")
    if wanted == "hang":
        time.sleep(60)
    return wanted in ("report", "report nobody") or (wanted == "report once" and first)
