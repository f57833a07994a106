"""DynamoDB: item codec, write expressions, transactions and lists."""

import os

from shop import clients

if "AWS_LAMBDA_INITIALIZATION_TYPE" in os.environ:
    # The init phase on Lambda gets more CPU than the memory size buys for requests.
    clients.dynamodb()
