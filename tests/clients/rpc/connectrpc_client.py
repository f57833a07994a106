"""connectrpc for Python on a deployed stack: its three protocols, compressed as by default."""

from typing import Any
from uuid import uuid4

import pytest
from connectrpc.client import ConnectClientSync
from connectrpc.code import Code
from connectrpc.compat import google_protobuf_binary_codec, google_protobuf_json_codec
from connectrpc.errors import ConnectError
from connectrpc.method import IdempotencyLevel, MethodInfo, StreamType
from connectrpc.protocol import ProtocolType
from google.protobuf.message import Message

from tests.support.deployed_shop import DeployedShop, Person
from tests.support.rpc_calls import message_of, types_of

# gRPC needs HTTP/2 from end to end.
PROTOCOLS = {
    "Connect": (ProtocolType.CONNECT, google_protobuf_binary_codec),
    "Connect JSON": (ProtocolType.CONNECT, google_protobuf_json_codec),
    "gRPC-Web": (ProtocolType.GRPC_WEB, google_protobuf_binary_codec),
}


class Client:
    def __init__(self, url: str, protocol: str, token: str | None) -> None:
        kind, codec = PROTOCOLS[protocol]
        self._client = ConnectClientSync(url, protocol=kind, codec=codec())
        self._headers = {} if token is None else {"authorization": f"Bearer {token}"}

    def call(self, method: str, fields: dict[str, Any], **headers: str) -> Any:
        service, name = method.split("/")
        input_, output = types_of(method)
        info: MethodInfo[Message, Message] = MethodInfo(
            name=name,
            service_name=f"shop.v1.{service}",
            input=input_,
            output=output,
            idempotency_level=IdempotencyLevel.UNKNOWN,
            stream_type=StreamType.UNARY,
        )
        sent = self._headers | {name.replace("_", "-"): text for name, text in headers.items()}
        return self._client.execute_unary(
            request=message_of(method, fields), method=info, headers=sent
        )


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_customer_orders(
    shop: DeployedShop, person: Person, product: dict[str, Any], protocol: str
) -> None:
    client = Client(shop.url, protocol, person.grant["accessToken"])
    key = str(uuid4())
    items = [{"productId": product["id"], "quantity": 1}]

    listed = Client(shop.url, protocol, None).call("ProductService/ListProducts", {"limit": 1})
    placed = client.call("OrderService/PlaceOrder", {"items": items}, idempotency_key=key)
    read = client.call("OrderService/GetOrder", {"orderId": placed.order.id})
    own = client.call("OrderService/ListOrders", {"limit": 1})

    assert len(listed.products) == len(own.orders) == 1
    assert read.order == placed.order
    assert person.order((product["id"], 1), key=key).json()["id"] == placed.order.id


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize(
    ("method", "fields", "code"),
    [
        ("OrderService/GetOrder", {"orderId": str(uuid4())}, Code.NOT_FOUND),
        ("OrderService/PlaceOrder", {}, Code.INVALID_ARGUMENT),
        ("OrderService/ListAllOrders", {}, Code.PERMISSION_DENIED),
    ],
)
def test_error_has_its_code(
    shop: DeployedShop,
    person: Person,
    protocol: str,
    method: str,
    fields: dict[str, Any],
    code: Code,
) -> None:
    client = Client(shop.url, protocol, person.grant["accessToken"])

    with pytest.raises(ConnectError) as raised:
        client.call(method, fields)

    assert raised.value.code is code


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_call_without_a_token_is_unauthenticated(shop: DeployedShop, protocol: str) -> None:
    with pytest.raises(ConnectError) as raised:
        Client(shop.url, protocol, None).call("UserService/GetUser", {})

    assert raised.value.code is Code.UNAUTHENTICATED
