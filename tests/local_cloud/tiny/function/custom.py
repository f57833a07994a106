"""Write a secret's value for CloudFormation, and say so to its ResponseURL."""

import json
import urllib.request

from stored import call


def handler(event, _context):
    value = {"SecretId": event["ResourceProperties"]["SecretId"], "SecretString": "made"}
    value["ClientRequestToken"] = event["RequestId"]
    status = call("secretsmanager", "secretsmanager.PutSecretValue", value)
    answer = {
        "Status": "SUCCESS" if status == 200 else "FAILED",
        "Reason": str(status),
        "PhysicalResourceId": "keys",
        "StackId": event["StackId"],
        "RequestId": event["RequestId"],
        "LogicalResourceId": event["LogicalResourceId"],
        "Data": {},
    }
    body = json.dumps(answer).encode()
    urllib.request.urlopen(urllib.request.Request(event["ResponseURL"], body, method="PUT"))
