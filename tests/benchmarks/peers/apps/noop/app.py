"""Nothing: what any function takes, whoever wrote it."""


def handler(event, context):
    return {"statusCode": 200, "headers": {}, "body": "{}"}
