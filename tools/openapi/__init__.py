"""docs/openapi.json: the contract, built from the handlers."""
