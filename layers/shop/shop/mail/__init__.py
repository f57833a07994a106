"""Mail: what people are told outside the API, once for each event."""
