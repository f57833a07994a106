"""Do what the query asks for."""

import os
import time

calls = 0


def handler(event, _context):
    global calls
    calls += 1
    match (event.get("queryStringParameters") or {}).get("do"):
        case "raise":
            raise ValueError("a secret detail")
        case "exit":
            os._exit(3)
        case "sleep":
            time.sleep(1.5)
        case "hang":
            time.sleep(60)
        case "text":
            return "a secret detail"
        case "dict":
            return {"statusCode": 200, "body": {"detail": "secret"}}
        case "extra":
            return {"statusCode": 200, "body": "", "cookies": []}
        case "null":
            return None
        case "status":
            return {"statusCode": "many", "body": ""}
        case "large":
            return {"statusCode": 200, "body": "x" * 7 * 1024 * 1024}
        case "medium":
            return {"statusCode": 200, "body": "x" * 5 * 1024 * 1024}
        case "nap":
            time.sleep(0.4)
        case "log":
            print("printed")
            os.write(1, b"written\n")
    return {"statusCode": 200, "body": str(calls)}
