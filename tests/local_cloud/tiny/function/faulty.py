"""Fail in the way that the query names."""

import os
import pdb
import time

calls = 0


def handler(event, _context):
    global calls
    calls += 1
    query = event.get("queryStringParameters") or {}
    match query.get("do"):
        case "raise":
            raise ValueError("a secret detail")
        case "exit":
            os._exit(3)
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
        case "hold":
            # Wait until the test deletes the file.
            os.rename(query["file"], query["file"] + ".held")
            while os.path.exists(query["file"] + ".held"):
                time.sleep(0.01)
        case "break":
            breakpoint()
        case "pdb":
            pdb.set_trace()
        case "log":
            print("printed")
            os.write(1, b"written\n")
    return {"statusCode": 200, "body": str(calls)}
