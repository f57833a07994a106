"""Import of an OpenAPI body: gateway responses, binary media types, methods, timeouts, roles."""

from typing import Any

from ministack.services import apigateway_v1 as gateway

from tools.local_cloud.emulator.patches.pinned import pinned

# Any: parts of an OpenAPI document.
Document = dict[str, Any]

ANY_METHOD = "x-amazon-apigateway-any-method"


def apply() -> None:
    import_gateway_responses_and_binary_types()
    import_integration_settings()


def import_gateway_responses_and_binary_types() -> None:
    original = pinned(gateway, "_import_rest_api", "spec base_data")
    put = pinned(gateway, "_put_gateway_response", "api_id response_type data")

    def import_rest_api(spec: Document, base_data: Document | None = None) -> str:
        data = dict(base_data or {})
        binary = spec.get("x-amazon-apigateway-binary-media-types") or []
        data["binaryMediaTypes"] = sorted({*data.get("binaryMediaTypes", []), *binary})
        api_id: str = original(spec, data)
        for kind, declared in spec.get("x-amazon-apigateway-gateway-responses", {}).items():
            response = {name: value for name, value in declared.items() if value}
            status, _, body = put(api_id, kind, response)
            if status >= 400:
                raise ValueError(f"Gateway response {kind}: {body!r}")
        return api_id

    gateway._import_rest_api = import_rest_api


def import_integration_settings() -> None:
    original = pinned(
        gateway,
        "_import_operation",
        "api_id resource_id http_method operation scheme_map default_security",
        source='"uri": integration.get("uri"),',
    )
    methods = pinned(gateway, "_OPENAPI_HTTP_METHODS")

    def import_operation(
        api_id: str, resource_id: str, method: str, operation: Document, *rest: object
    ) -> None:
        method = "ANY" if method == ANY_METHOD.upper() else method
        original(api_id, resource_id, method, operation, *rest)
        declared = operation.get("x-amazon-apigateway-integration") or {}
        stored = gateway._resources[api_id][resource_id]["resourceMethods"][method].get(
            "methodIntegration"
        )
        if not stored:
            return
        for name in ("credentials", "timeoutInMillis"):
            if name in declared:
                stored[name] = declared[name]

    gateway._import_operation = import_operation
    gateway._OPENAPI_HTTP_METHODS = frozenset({*methods, ANY_METHOD})
