"""The authorizer of every endpoint that needs a caller."""

from typing import Any  # a policy is the gateway's JSON

from shop.entrypoints.authorizer import token_authorizer
from shop.oauth.tokens.authorizer import authorizer


@token_authorizer
def handler(token: str, method_arn: str) -> dict[str, Any]:
    """Allow the caller of a live session or grant, as context; deny everything else."""
    return authorizer().decide(token, method_arn)
