"""The GraphQL API over the services of the REST API."""
