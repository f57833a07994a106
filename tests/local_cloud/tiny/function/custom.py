"""Custom resource: write a secret, and respond to the ResponseURL."""

import json
import urllib.request

from stored import call


def handler(event, _context):
    value = {"SecretId": event["ResourceProperties"]["SecretId"], "SecretString": "made"}
    value["ClientRequestToken"] = event["RequestId"]
    status = call("secretsmanager", "secretsmanager.PutSecretValue", value)
    response = {
        "Status": "SUCCESS" if status == 200 else "FAILED",
        "Reason": str(status),
        "PhysicalResourceId": "keys",
        "StackId": event["StackId"],
        "RequestId": event["RequestId"],
        "LogicalResourceId": event["LogicalResourceId"],
        "Data": {},
    }
    body = json.dumps(response).encode()
    urllib.request.urlopen(urllib.request.Request(event["ResponseURL"], body, method="PUT"))
