"""grpcio and connect-node through Envoy, as docs/examples configures it; `make test-grpc`."""

import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import grpc
import pytest
from google.protobuf.message import Message
from google.rpc.error_details_pb2 import ErrorInfo
from google.rpc.status_pb2 import Status

from tests.clients.rpc.node_library import check_library
from tests.support.deployed_shop import DeployedShop, Person
from tests.support.rpc_calls import message_of, types_of
from tests.support.sam_template import ROOT
from tests.support.waiting import HANG_SECONDS
from tools.local_cloud.free_port import free_port

ENVOY = ROOT / ".venv-envoy/bin/envoy"
CONFIGURATION = ROOT / "docs/examples/envoy.yaml"


@pytest.fixture(scope="module")
def envoy(shop: DeployedShop, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Run Envoy; return its address."""
    port, folder = free_port(), tmp_path_factory.mktemp("envoy")
    text = CONFIGURATION.read_text()
    for old, new in {
        "port_value: 50051": f"port_value: {port}",
        "address: localhost, port_value: 8080": (
            f"address: {shop.anonymous.base_url.host}, port_value: {shop.anonymous.base_url.port}"
        ),
    }.items():
        assert old in text
        text = text.replace(old, new)
    with running(folder, text):
        yield f"127.0.0.1:{port}"


@pytest.fixture(scope="module")
def channel(envoy: str) -> Iterator[grpc.Channel]:
    with grpc.insecure_channel(envoy) as opened:
        yield opened


@contextmanager
def running(folder: Path, configuration: str) -> Iterator[None]:
    (folder / "envoy.yaml").write_text(configuration)
    with (folder / "envoy.log").open("wb") as log:
        process = subprocess.Popen(
            [ENVOY, "--config-path", folder / "envoy.yaml", "--disable-hot-restart"],
            stdout=log,
            stderr=log,
        )
    try:
        yield
    finally:
        process.terminate()
        process.wait(HANG_SECONDS)


def call(
    channel: grpc.Channel, method: str, fields: dict[str, Any], token: str | None, **metadata: str
) -> Message:
    request = message_of(method, fields)
    send: Callable[..., Message] = channel.unary_unary(
        f"/shop.v1.{method}",
        request_serializer=type(request).SerializeToString,
        response_deserializer=types_of(method)[1].FromString,
    )
    sent = [(name.replace("_", "-"), text) for name, text in metadata.items()]
    if token is not None:
        sent.append(("authorization", f"Bearer {token}"))
    return send(request, metadata=sent, wait_for_ready=True, timeout=HANG_SECONDS)


def refused(channel: grpc.Channel, method: str, fields: dict[str, Any], token: str | None) -> Any:
    with pytest.raises(grpc.RpcError) as raised:
        call(channel, method, fields, token)
    return raised.value


def test_customer_orders(
    shop: DeployedShop, person: Person, product: dict[str, Any], channel: grpc.Channel
) -> None:
    token, key = person.grant["accessToken"], str(uuid4())
    items = [{"productId": product["id"], "quantity": 1}]

    listed: Any = call(channel, "ProductService/ListProducts", {"limit": 1}, None)
    placed: Any = call(
        channel, "OrderService/PlaceOrder", {"items": items}, token, idempotency_key=key
    )
    again: Any = call(
        channel, "OrderService/PlaceOrder", {"items": items}, token, idempotency_key=key
    )
    read: Any = call(channel, "OrderService/GetOrder", {"orderId": placed.order.id}, token)

    assert len(listed.products) == 1
    assert placed.order.user_id == person.id
    assert again.order == read.order == placed.order
    assert person.order((product["id"], 1), key=key).json()["id"] == placed.order.id


def test_errors_have_their_codes(shop: DeployedShop, person: Person, channel: grpc.Channel) -> None:
    token = person.grant["accessToken"]
    few = [{"productId": shop.product(stock=1)["id"], "quantity": 2}]
    codes = grpc.StatusCode

    missing = refused(channel, "OrderService/GetOrder", {"orderId": str(uuid4())}, token)
    stock = refused(channel, "OrderService/PlaceOrder", {"items": few}, token)
    stranger = refused(channel, "OrderService/ListAllOrders", {}, token)
    anonymous = refused(channel, "UserService/GetUser", {}, None)

    assert (missing.code(), missing.details()) == (codes.NOT_FOUND, "Not found.")
    assert stock.code() is codes.FAILED_PRECONDITION
    assert stranger.code() is codes.PERMISSION_DENIED
    assert anonymous.code() is codes.UNAUTHENTICATED
    trailers = dict(stock.trailing_metadata() or ()) | dict(stock.initial_metadata() or ())
    status = Status.FromString(trailers["grpc-status-details-bin"])
    info = ErrorInfo()
    assert status.details[0].Unpack(info)
    assert info.reason == "INSUFFICIENT_STOCK"


def test_unknown_method_is_unimplemented(channel: grpc.Channel) -> None:
    send: Any = channel.unary_unary("/shop.v1.OrderService/DeleteOrder")

    with pytest.raises(grpc.RpcError) as raised:
        send(b"", wait_for_ready=True, timeout=HANG_SECONDS)

    error: Any = raised.value
    assert error.code() is grpc.StatusCode.UNIMPLEMENTED


def test_connect_node_calls_every_method(
    shop: DeployedShop, person: Person, product: dict[str, Any], envoy: str, channel: grpc.Channel
) -> None:
    grpc.channel_ready_future(channel).result(HANG_SECONDS)

    check_library("envoy", shop, person, product, f"http://{envoy}")
