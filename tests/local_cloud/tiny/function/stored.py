"""Call DynamoDB with the role of the function, signed here since the layer has no SDK."""

import datetime
import hashlib
import hmac
import json
import os
import urllib.error
import urllib.request


def handler(_event, _context):
    table = {"TableName": os.environ["TABLE"]}
    key = {"id": {"S": "1"}}
    return {
        "statusCode": 200,
        "body": json.dumps(
            {
                "get": call("dynamodb", "DynamoDB_20120810.GetItem", {**table, "Key": key}),
                "put": call("dynamodb", "DynamoDB_20120810.PutItem", {**table, "Item": key}),
            }
        ),
    }


def call(service, target, content):
    endpoint = os.environ["AWS_ENDPOINT_URL"]
    host = endpoint.removeprefix("http://")
    now = datetime.datetime.now(datetime.UTC).strftime("%Y%m%dT%H%M%SZ")
    body = json.dumps(content).encode()
    headers = {
        "host": host,
        "x-amz-date": now,
        "x-amz-security-token": os.environ["AWS_SESSION_TOKEN"],
        "x-amz-target": target,
    }
    names = ";".join(sorted(headers))
    fields = "".join(f"{name}:{headers[name]}\n" for name in sorted(headers))
    digest = hashlib.sha256(body).hexdigest()
    canonical = f"POST\n/\n\n{fields}\n{names}\n{digest}"
    scope = f"{now[:8]}/{os.environ['AWS_REGION']}/{service}/aws4_request"
    hashed = hashlib.sha256(canonical.encode()).hexdigest()
    to_sign = f"AWS4-HMAC-SHA256\n{now}\n{scope}\n{hashed}"
    key = ("AWS4" + os.environ["AWS_SECRET_ACCESS_KEY"]).encode()
    for part in scope.split("/"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    signature = hmac.new(key, to_sign.encode(), hashlib.sha256).hexdigest()
    headers["Authorization"] = (
        f"AWS4-HMAC-SHA256 Credential={os.environ['AWS_ACCESS_KEY_ID']}/{scope}, "
        f"SignedHeaders={names}, Signature={signature}"
    )
    headers["Content-Type"] = "application/x-amz-json-1.0"
    request = urllib.request.Request(endpoint + "/", body, headers)
    try:
        with urllib.request.urlopen(request) as response:
            return response.status
    except urllib.error.HTTPError as error:
        return json.loads(error.read())["__type"]
