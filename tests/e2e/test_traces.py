"""Traces of the deployed stack: every step of a request, and no personal data."""

from collections.abc import Iterator

import pytest

from tests.support.deployed_shop import Person, Shop, new_email
from tests.support.fixtures import PASSWORD
from tests.support.recovery_tokens import reset_request_limits, token_in
from tests.support.sent_emails import RESET, Mail
from tests.support.waiting import eventually
from tools.local_cloud.traces import Span, read_documents, trees

NEW_PASSWORD = "wrong donkey charger paperclip"


def about(shop: Shop, request_id: str) -> list[Span]:
    """Return the trace of a request, and those of its workers so far."""
    tops = trees(read_documents(shop.stack.emulator.traces))
    return [it for it in tops if request_id in it.request_ids()]


def trace(shop: Shop, request_id: str) -> Span:
    """Return the trace of a request, with the segment that its function sends last, `request`."""

    def complete() -> list[Span]:
        found = about(shop, request_id)
        return found if any(it.name == "request" for top in found for it in top.walk()) else []

    (found, *_) = eventually(complete)
    return found


def just_logged_in(shop: Shop, person: Person) -> Person:
    """Send a request with a token that has no cached authorizer result."""
    body = {"email": person.email, "password": PASSWORD}
    grant = shop.anonymous.post("/api/sessions", json=body).json()
    return Person(person.id, person.email, shop.client(grant["accessToken"]), grant)


def calls(shop: Shop, span: Span) -> list[tuple[str, set[str]]]:
    """Return operations and tables by logical id, in order of their start."""
    logical = {physical: name for name, physical in shop.resources.items()}
    found = [it.document["aws"] for it in span.walk() if "operation" in it.document.get("aws", {})]
    return [
        (
            aws["operation"],
            {logical[it] for it in aws.get("table_names", [aws.get("table_name")]) if it},
        )
        for aws in found
    ]


def test_placed_order_is_one_trace_from_gateway_to_transaction(shop: Shop) -> None:
    person, product = shop.sign_up(), shop.product()
    placed = just_logged_in(shop, person).order((product["id"], 2))

    gateway = trace(shop, placed.headers["X-Request-Id"])
    authorizer, function = gateway.below

    assert placed.status_code == 201
    assert "Authorizer" in authorizer.name
    assert ("BatchGetItem", {"SessionsTable"}) in calls(shop, authorizer)
    assert authorizer.annotation("caller") == person.id
    assert "PlaceOrder" in function.name
    products, transaction = calls(shop, function)
    assert products == ("BatchGetItem", {"ProductsTable"})
    assert transaction[0] == "TransactWriteItems"
    assert {"OrdersTable", "ProductsTable"} <= transaction[1]
    (request,) = [it for it in function.below if it.name == "request"]
    assert request.document["annotations"] == {
        "route": "POST /api/users/{userId}/orders",
        "status": 201,
        "caller": person.id,
        "user_id": person.id,
        "order_id": placed.json()["id"],
        "request_id": placed.headers["X-Request-Id"],
    }


def test_child_segments_lie_within_their_parent_in_time_and_trace(shop: Shop) -> None:
    person, product = shop.sign_up(), shop.product()
    placed = just_logged_in(shop, person).order((product["id"], 1))
    gateway = trace(shop, placed.headers["X-Request-Id"])

    assert len([*gateway.walk()]) > 6
    for span in gateway.walk():
        for below in span.below:
            assert span.start <= below.start <= below.end <= span.end, below.name
            assert (
                below.document.get("trace_id", gateway.document["trace_id"])
                == (gateway.document["trace_id"])
            )


def test_request_id_finds_the_segments_of_its_workers(shop: Shop) -> None:
    person, product = shop.sign_up(), shop.product()
    placed = person.order((product["id"], 1))
    # SendEmail sends the segment of its message last.
    expected = ("PlaceOrder", "PublishEvents", "UpdateReadModels", "SendEmail", "message")

    def led_to() -> bool:
        names = " ".join(
            inner.name
            for top in about(shop, placed.headers["X-Request-Id"])
            for inner in top.walk()
        )
        return all(it in names for it in expected)

    assert eventually(led_to)
    (mailed,) = [it for it in about(shop, placed.headers["X-Request-Id"]) if "SendEmail" in it.name]
    (message,) = [
        it for it in mailed.walk() if it.annotation("request_id") and it.name == "message"
    ]
    assert message.document["annotations"] == {
        "request_id": placed.headers["X-Request-Id"],
        "type": "order.placed",
        "subject": placed.json()["id"],
    }
    assert any(operation == "SendEmail" for operation, _ in calls(shop, message))


def test_order_id_finds_the_segments_of_every_request_for_it(shop: Shop) -> None:
    person, product = shop.sign_up(), shop.product()
    order = person.order((product["id"], 1), key="traced").json()
    again = person.order((product["id"], 1), key="traced")
    read = person.http.get(f"/api/users/me/orders/{order['id']}")

    for response in (again, read):
        assert trace(shop, response.headers["X-Request-Id"]).annotation("order_id") == order["id"]


def test_rejection_is_an_error_with_its_type_only(shop: Shop) -> None:
    person, product = shop.sign_up(), shop.product(stock=1)
    rejected = person.order((product["id"], 2))
    gateway = trace(shop, rejected.headers["X-Request-Id"])

    (request,) = [it for it in gateway.walk() if it.name == "request"]
    assert rejected.status_code == 409
    assert request.document["error"] is True
    assert "cause" not in request.document
    for span in gateway.walk():
        for exception in span.document.get("cause", {}).get("exceptions", []):
            assert exception.keys() == {"id", "type"}


@pytest.fixture
def mail(shop: Shop) -> Iterator[Mail]:
    reset_request_limits(shop)
    mail = Mail(shop)
    yield mail
    mail.wait_until_idle()


def test_traces_contain_no_secret_and_no_personal_data(shop: Shop, mail: Mail) -> None:
    name, email = "Wilhelmina Quackenbush", new_email()
    person = shop.sign_up(email=email, name=name)
    shop.anonymous.post("/api/sessions", json={"email": email, "password": "not-" + PASSWORD})
    shop.anonymous.post("/api/users", json={"email": email, "name": name, "password": PASSWORD})
    shop.admin.http.get("/api/users", params={"search": "Quackenbush"})
    shop.anonymous.post("/api/password-resets", json={"email": email})
    (message,) = mail.to(email, RESET)
    token = token_in(message)
    path = f"/api/password-resets/{token}"
    weak = shop.anonymous.put(path, json={"password": "password1"})
    reset = shop.anonymous.put(path, json={"password": NEW_PASSWORD})
    assert (weak.status_code, reset.status_code) == (422, 204)
    trace(shop, reset.headers["X-Request-Id"])

    traces = shop.stack.emulator.traces.read_text()
    for route in ("POST /api/users", "POST /api/sessions", "PUT /api/password-resets/{token}"):
        assert f'"{route}"' in traces
    for secret in (
        *(name, "Quackenbush", email, email.split("@")[0], token),
        *(PASSWORD, NEW_PASSWORD, "password1", "$2b$"),
        *(person.grant["accessToken"], person.grant["refreshToken"]),
    ):
        assert secret not in traces
