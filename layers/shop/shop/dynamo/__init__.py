"""The one client, the item codec and the transactions of DynamoDB."""
