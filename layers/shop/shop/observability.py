"""The one logger: a JSON line per request or unit of work, no token and no personal data."""

from functools import cache

from aws_lambda_powertools import Logger


@cache
def logger() -> Logger:
    """Its level is POWERTOOLS_LOG_LEVEL and its service POWERTOOLS_SERVICE_NAME."""
    return Logger(location=None, use_rfc3339=True, utc=True)
