"""The store without an SDK: one connection, and AWS's signature in plain Python."""

import hashlib
import hmac
import http.client
import json
import os
import time
import urllib.parse
import uuid

_TABLE = os.environ["PEERS_TABLE"]
_REGION = os.environ["AWS_REGION"]
_URL = urllib.parse.urlsplit(
    os.environ.get("AWS_ENDPOINT_URL_DYNAMODB") or f"https://dynamodb.{_REGION}.amazonaws.com"
)
_IS_PLAIN = _URL.scheme == "http"
_connection = (http.client.HTTPConnection if _IS_PLAIN else http.client.HTTPSConnection)(
    _URL.netloc, timeout=2
)
_TYPE = "application/x-amz-json-1.0"


def user(user_id):
    found = _call("GetItem", {"TableName": _TABLE, "Key": {"id": {"S": user_id}}}).get("Item")
    if found is None:
        return None
    return {name: value["S"] for name, value in found.items()}


def place(user_id, items, note):
    order = {
        "id": str(uuid.uuid4()),
        "userId": user_id,
        "status": "pending",
        "items": items,
        "note": note,
        "createdAt": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
    }
    lines = [
        {"M": {"productId": {"S": it["productId"]}, "quantity": {"N": str(it["quantity"])}}}
        for it in items
    ]
    stored = {name: {"S": order[name]} for name in ("id", "userId", "status", "createdAt")}
    stored |= {"items": {"L": lines}, "note": {"NULL": True} if note is None else {"S": note}}
    _call(
        "PutItem",
        {
            "TableName": _TABLE,
            "Item": stored,
            "ConditionExpression": "attribute_not_exists(id)",
        },
    )
    return order


def _call(operation, parameters):
    body = json.dumps(parameters).encode()
    _connection.request("POST", "/", body, _signed(operation, body))
    response = _connection.getresponse()
    content = json.loads(response.read())
    if response.status != 200:
        raise RuntimeError(content)
    return content


def _signed(operation, body):
    """https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html"""
    at = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    headers = {
        "content-type": _TYPE,
        "host": _URL.netloc,
        "x-amz-date": at,
        "x-amz-target": f"DynamoDB_20120810.{operation}",
    }
    if token := os.environ.get("AWS_SESSION_TOKEN"):
        headers["x-amz-security-token"] = token
    names = ";".join(sorted(headers))
    canonical = "".join(f"{name}:{headers[name]}\n" for name in sorted(headers))
    request = f"POST\n/\n\n{canonical}\n{names}\n{hashlib.sha256(body).hexdigest()}"
    scope = f"{at[:8]}/{_REGION}/dynamodb/aws4_request"
    digest = hashlib.sha256(request.encode()).hexdigest()
    key = f"AWS4{os.environ['AWS_SECRET_ACCESS_KEY']}".encode()
    for part in (*scope.split("/"), f"AWS4-HMAC-SHA256\n{at}\n{scope}\n{digest}"):
        key = hmac.digest(key, part.encode(), "sha256")
    credential = f"{os.environ['AWS_ACCESS_KEY_ID']}/{scope}"
    headers["authorization"] = (
        f"AWS4-HMAC-SHA256 Credential={credential}, SignedHeaders={names}, Signature={key.hex()}"
    )
    return headers
