"""Takes a processor for a while before it can do anything."""

import time

started = time.process_time()
while time.process_time() - started < 0.2:
    pass


def handler(_event, context):
    return {"statusCode": 200, "body": context.log_stream_name}
