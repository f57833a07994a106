"""Entry points of functions: HTTP, stream, queue, operator command, custom resource, authorizer."""
