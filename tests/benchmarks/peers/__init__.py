"""The same two endpoints in the product and in its peers, behind Lambda's own runtime."""
