"""`make openapi`: write the API's documents, for clients and for API Gateway."""

from tools.openapi.document import DOCUMENT, document, text_of
from tools.openapi.gateway import GATEWAY, GATEWAY_POLICY, gateway_document, gateway_policy

DOCUMENT.write_text(text_of(document()))
GATEWAY.write_text(text_of(gateway_document()))
GATEWAY_POLICY.write_text(text_of(gateway_policy()))
