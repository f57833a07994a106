"""Authorization: the decision of the API Gateway authorizer."""
