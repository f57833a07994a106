"""The one client, the item codec and the transactions of DynamoDB."""

import os

from shop import clients

if "AWS_LAMBDA_INITIALIZATION_TYPE" in os.environ:
    # On Lambda, which has more of a core for a sandbox that begins than its memory buys later.
    clients.dynamodb()
