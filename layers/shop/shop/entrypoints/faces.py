"""The faces of endpoints: REST, the RPCs that stand for routes, and GraphQL."""

from collections.abc import Mapping
from typing import Any, Protocol  # events have values of many types

from shop.http.parameters import BoundEndpoint
from shop.http.request import Request


class GraphQlHttpRequest(Request):
    face = "graphql"


class Faced(BoundEndpoint, Protocol):
    @property
    def rpc_path(self) -> str | None:
        """The path of the RPC, or None."""


def request_of(event: Mapping[str, Any], endpoint: Faced) -> Request:
    if endpoint.path == "/graphql":
        return GraphQlHttpRequest(event)
    if endpoint.rpc_path is None or event["resource"] != endpoint.rpc_path:
        return Request(event)
    # Only here, since importing protobuf takes 25 ms.
    from shop.rpc.request import RpcRequest

    return RpcRequest(event, endpoint, endpoint.rpc_path)
