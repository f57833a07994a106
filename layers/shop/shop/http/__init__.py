"""HTTP: requests, parameters, validation and responses."""
