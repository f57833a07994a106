"""The cost of lists, searches and writes at several sizes, on Amazon's DynamoDB Local."""
