"""What lists, searches and writes cost at several sizes, on Amazon's DynamoDB Local."""
