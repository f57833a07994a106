"""PyJWT without its module for certificates, which would take 14 ms of a cold start."""

from shop.lazy_imports import import_on_use

import_on_use("cryptography.x509")

import jwt  # noqa: E402

__all__ = ["jwt"]
