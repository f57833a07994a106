"""Responses of recovery."""

from shop.http.response_models import ResponseModel


class Accepted(ResponseModel):
    """An empty object: the result is sent by email."""
