"""Calls of Connect, gRPC-Web and gRPC as requests of the REST API."""
