"""The API as API Gateway deploys it: functions of the routes, the authorizer and gateway errors.

`template.yaml` includes both files that this module generates.
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any  # the documents are JSON

from pydantic.alias_generators import to_pascal

from shop.entrypoints.http import Endpoint
from shop.errors import (
    BadRequest,
    Forbidden,
    InternalError,
    NotFound,
    PayloadTooLarge,
    ServiceUnavailable,
    ShopError,
    TooManyRequests,
    Unauthorized,
    UnsupportedMediaType,
)
from shop.http.rendering import COMMON_HEADERS
from tools.openapi.document import ROOT, all_endpoints

GATEWAY = ROOT / "api/gateway.json"
GATEWAY_POLICY = ROOT / "api/gateway-policy.json"

type Part = dict[str, Any]

_AUTHORIZER = "Authorizer"
# Serves every request that no other route matches: CORS preflights, and unknown paths.
_FALLBACK = "AnswerPreflight"
_ROLE: Part = {"Fn::GetAtt": ["GatewayRole", "Arn"]}
_AUTHORIZATION = r"^[Bb][Ee][Aa][Rr][Ee][Rr] +[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+$"
_SECONDS_OF_DECISIONS = 50  # during which the gateway caches a decision of the authorizer

_UNCHANGED = "Temporarily unavailable. Nothing was changed. Try again."
# https://docs.aws.amazon.com/apigateway/latest/developerguide/supported-gateway-response-types.html
_GATEWAY_ERRORS: Mapping[str, ShopError] = {
    "ACCESS_DENIED": Unauthorized(),
    "AUTHORIZER_CONFIGURATION_ERROR": ServiceUnavailable(_UNCHANGED),
    "AUTHORIZER_FAILURE": ServiceUnavailable(_UNCHANGED),
    "DEFAULT_4XX": BadRequest(),
    "DEFAULT_5XX": InternalError(),
    "EXPIRED_TOKEN": Unauthorized(),
    "INTEGRATION_FAILURE": ServiceUnavailable("Temporarily unavailable. Try again."),
    "INTEGRATION_TIMEOUT": ServiceUnavailable("The service did not respond in time. Try again."),
    "INVALID_API_KEY": Forbidden(),
    "INVALID_SIGNATURE": Unauthorized(),
    "MISSING_AUTHENTICATION_TOKEN": NotFound(),
    "QUOTA_EXCEEDED": TooManyRequests(),
    "REQUEST_TOO_LARGE": PayloadTooLarge(),
    "RESOURCE_NOT_FOUND": NotFound(),
    "THROTTLED": TooManyRequests(),
    "UNAUTHORIZED": Unauthorized(),
    "UNSUPPORTED_MEDIA_TYPE": UnsupportedMediaType(),
    # The rules of the firewall are rate limits, so a later retry can succeed.
    "WAF_FILTERED": TooManyRequests(),
}
# Values of gateway responses are expressions: literals have quotes.
_HEADERS_OF_STATUS: Mapping[int, Mapping[str, str]] = {
    401: {"WWW-Authenticate": "'Bearer'"},
    429: {"Retry-After": "'1'"},
    503: {"Retry-After": "'1'"},
}


def gateway_document() -> Part:
    """Return the OpenAPI document with API Gateway's extensions, for `AWS::Serverless::Api`."""
    paths: Part = {}
    for name, endpoint in all_endpoints().items():
        operation = _operation(_function_of(name), is_public=not endpoint.needs_caller)
        for method in _methods(endpoint):
            paths.setdefault(endpoint.path, {})[method] = operation
        if endpoint.rpc_path is not None:
            paths[endpoint.rpc_path] = {"post": operation}
    # Without these routes the gateway reads a Bearer token of an unknown path as an AWS signature.
    for path in ("/", "/{proxy+}"):
        fallback = _operation(_FALLBACK, is_public=True)
        paths.setdefault(path, {})["x-amazon-apigateway-any-method"] = fallback
    return {
        "openapi": "3.0.1",
        "info": {"title": {"Ref": "AWS::StackName"}, "version": "1.0"},
        "paths": paths,
        "components": {"securitySchemes": {"AccessToken": _access_token()}},
        # Request bodies reach the functions byte for byte, so invalid UTF-8 is rejected, not
        # repaired. Compressed responses stay binary: the gateway reads only the first type of
        # Accept, so any type counts as binary. Text responses are unchanged.
        "x-amazon-apigateway-binary-media-types": ["*/*"],
        "x-amazon-apigateway-gateway-responses": {
            type_: _gateway_response(error) for type_, error in _GATEWAY_ERRORS.items()
        },
    }


def gateway_policy() -> Part:
    """Return the policy of the gateway's role: the functions of the document, by their alias."""
    functions = {_function_of(name) for name in all_endpoints()} | {_FALLBACK, _AUTHORIZER}
    return {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Action": "lambda:InvokeFunction",
                "Resource": [{"Fn::Sub": _alias(function)} for function in sorted(functions)],
            }
        ],
    }


def _function_of(name: str) -> str:
    """Return the function of a handler's file: `CreateUser` for `users/create_user`."""
    return to_pascal(name.partition("/")[2])


def _methods(endpoint: Endpoint) -> Iterator[str]:
    yield endpoint.method.lower()
    if endpoint.serves_head:
        yield "head"


def _operation(function: str, *, is_public: bool) -> Part:
    operation: Part = {
        "responses": {},
        "x-amazon-apigateway-integration": {
            "type": "aws_proxy",
            "httpMethod": "POST",
            "uri": _invocation(function),
            "credentials": _ROLE,
        },
    }
    return operation if is_public else {**operation, "security": [{"AccessToken": []}]}


def _alias(function: str) -> str:
    return (
        "arn:${AWS::Partition}:lambda:${AWS::Region}:${AWS::AccountId}"
        f":function:${{AWS::StackName}}-{function}:live"
    )


def _invocation(function: str) -> Part:
    service = "arn:${AWS::Partition}:apigateway:${AWS::Region}:lambda:path/2015-03-31/functions"
    return {"Fn::Sub": f"{service}/{_alias(function)}/invocations"}


def _access_token() -> Part:
    return {
        "type": "apiKey",
        "in": "header",
        "name": "Authorization",
        "x-amazon-apigateway-authtype": "custom",
        "x-amazon-apigateway-authorizer": {
            "type": "token",
            "authorizerUri": _invocation(_AUTHORIZER),
            "authorizerCredentials": _ROLE,
            "authorizerResultTtlInSeconds": _SECONDS_OF_DECISIONS,
            "identityValidationExpression": _AUTHORIZATION,
        },
    }


def _gateway_response(error: ShopError) -> Part:
    body = {
        "error": {
            "code": error.code,
            "message": error.message,
            "requestId": "$context.requestId",
        }
    }
    headers = {name: f"'{value}'" for name, value in COMMON_HEADERS.items() if name != "Vary"}
    headers |= {
        "Access-Control-Allow-Origin": "'*'",
        "Cache-Control": "'no-store'",
        "X-Request-Id": "context.requestId",
        **_HEADERS_OF_STATUS.get(error.status, {}),
    }
    return {
        "statusCode": str(error.status),
        "responseParameters": {
            f"gatewayresponse.header.{name}": value for name, value in headers.items()
        },
        "responseTemplates": {"application/json": json.dumps(body, separators=(",", ":"))},
    }
