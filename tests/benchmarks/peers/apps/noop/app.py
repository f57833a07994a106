"""An empty handler: the time of any function, for any framework."""


def handler(event, context):
    return {"statusCode": 200, "headers": {}, "body": "{}"}
