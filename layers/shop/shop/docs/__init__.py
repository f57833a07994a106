"""The documentation page: Swagger UI on the OpenAPI document."""
