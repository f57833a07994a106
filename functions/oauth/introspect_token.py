"""POST /oauth/introspect: return the state of a token."""

from shop.entrypoints.http import endpoint
from shop.errors import NotFound
from shop.oauth.tokens.dependencies import TokenInspection
from shop.oauth.tokens.requests import Authorization, ReferenceForm
from shop.oauth.tokens.responses import InspectionResponse


@endpoint("POST /oauth/introspect", raises=(NotFound,))
def handler(
    form: ReferenceForm, authorization: Authorization, inspection: TokenInspection
) -> InspectionResponse:
    """Return the state of a token (RFC 7662), for confidential clients."""
    credentials = form.credentials(authorization)
    return InspectionResponse.of(inspection.inspect(form.token, credentials))
