"""POST /oauth/revoke: revoke a token of an OAuth client."""

from shop.entrypoints.http import endpoint
from shop.errors import NotFound
from shop.oauth.tokens.dependencies import TokenInspection
from shop.oauth.tokens.requests import Authorization, ReferenceForm
from shop.oauth.tokens.responses import Revoked


@endpoint("POST /oauth/revoke", raises=(NotFound,))
def handler(
    form: ReferenceForm, authorization: Authorization, inspection: TokenInspection
) -> Revoked:
    """End a token of the client and those that follow from it (RFC 7009); ignore all others."""
    inspection.revoke(form.token, form.credentials(authorization))
    return Revoked()
