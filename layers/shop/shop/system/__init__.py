"""System endpoints: health, readiness and the OpenAPI document."""
