"""The page that shows the OpenAPI document and tries its calls."""
