"""Allow, deny or fail, by the token."""


def handler(event, _context):
    token = event["authorizationToken"]
    if token == "crash":
        raise ValueError("a secret detail")
    if token == "nonsense":
        return {}
    statement = {"Action": "execute-api:Invoke", "Effect": token, "Resource": "*"}
    policy = {"Version": "2012-10-17", "Statement": [statement]}
    return {"principalId": "1", "policyDocument": policy, "context": {"role": "admin"}}
