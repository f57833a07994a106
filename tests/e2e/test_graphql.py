"""GraphQL on the deployed stack: every field, the gateway, and the rules shared with REST."""

from collections.abc import Iterator, Mapping
from typing import Any
from uuid import uuid4

import httpx2
import pytest

from tests.support.deployed_shop import DeployedShop, Person, error_of, gather, new_product
from tests.support.graphql_calls import GRAPHQL_JSON
from tests.support.waiting import eventually

type Json = dict[str, Any]

MAX_LIST_DELAY = 5.0  # seconds; lists are eventually consistent
ORDER_FIELDS = "id etag status total note userId items { quantity product { id stock } }"
PLACE = (
    f"mutation Place($i: PlaceOrderInput!) {{ placeOrder(input: $i) {{ order {{ {ORDER_FIELDS} }}"
    " userErrors { code message field } } }"
)


@pytest.fixture(scope="module")
def person(shop: DeployedShop) -> Person:
    return shop.sign_up()


@pytest.fixture(scope="module")
def product(shop: DeployedShop) -> Json:
    return shop.product(stock=1000)


@pytest.fixture(scope="module")
def admin(shop: DeployedShop) -> Iterator[Person]:
    """Another admin, who may lose the role."""
    person = shop.sign_up(name="Alan Turing")
    path = f"/api/users/{person.id}"
    assert shop.admin.http.patch(path, json={"role": "admin"}).status_code == 200
    yield shop.log_in(person.email)
    assert shop.admin.http.patch(path, json={"role": "customer"}).status_code == 200


def post(
    client: httpx2.Client,
    query: str,
    variables: Mapping[str, Any] | None = None,
    **headers: str,
) -> httpx2.Response:
    sent = {name.replace("_", "-"): text for name, text in headers.items()}
    body = {"query": query, "variables": variables}
    return client.post("/graphql", json=body, headers=sent)


def data_of(response: httpx2.Response) -> Any:
    body = response.json()
    assert (response.status_code, body.get("errors")) == (200, None), response.text
    return body["data"]


def payload_of(response: httpx2.Response) -> Json:
    (payload,) = data_of(response).values()
    assert isinstance(payload, dict)
    return payload


def codes_of(response: httpx2.Response) -> list[str]:
    return [it["extensions"]["code"] for it in response.json()["errors"]]


def test_caller_reads_everything_of_their_own_in_one_request(
    shop: DeployedShop, person: Person, product: Json
) -> None:
    order = person.order((product["id"], 2), note="Ring twice.").json()

    data = data_of(
        post(
            person.http,
            "query($p: ID!, $u: ID!, $o: ID!) { me { id email orders { totalCount nodes { id } } }"
            f" product(id: $p) {{ sku price }} order(userId: $u, id: $o) {{ {ORDER_FIELDS}"
            " user { email } } }",
            {"p": product["id"], "u": person.id, "o": order["id"]},
        )
    )

    assert data["me"]["email"] == person.email
    assert order["id"] in [it["id"] for it in data["me"]["orders"]["nodes"]]
    assert data["product"] == {"sku": product["sku"], "price": product["price"]}
    assert (data["order"]["total"], data["order"]["note"]) == (order["total"], "Ring twice.")
    assert data["order"]["user"] == {"email": person.email}


@pytest.mark.parametrize("sort", ["CREATED_AT_ASC", "CREATED_AT_DESC", "TOTAL_ASC", "TOTAL_DESC"])
@pytest.mark.parametrize("status", [None, "PENDING"])
def test_orders_of_a_user_in_every_order(
    shop: DeployedShop, product: Json, sort: str, status: str | None
) -> None:
    person = shop.sign_up()
    placed = [person.order((product["id"], quantity)).json() for quantity in (2, 1, 3)]
    text = (
        "query($s: OrderSort, $t: OrderStatus, $a: String) { me { orders(first: 2, sort: $s,"
        " status: $t, after: $a) { nodes { id } pageInfo { endCursor hasNextPage } } } }"
    )
    key = "total" if sort.startswith("TOTAL") else "createdAt"
    expected = sorted(placed, key=lambda it: it[key], reverse=sort.endswith("DESC"))

    def pages() -> list[str]:
        found: list[str] = []
        after, has_next = None, True
        while has_next:
            variables = {"s": sort, "t": status, "a": after}
            page = data_of(post(person.http, text, variables))["me"]["orders"]
            found += [it["id"] for it in page["nodes"]]
            after, has_next = page["pageInfo"]["endCursor"], page["pageInfo"]["hasNextPage"]
        return found

    eventually(lambda: pages() == [it["id"] for it in expected], MAX_LIST_DELAY)


@pytest.mark.parametrize(
    "field",
    [
        *(f"users(sort: {it})" for it in ("CREATED_AT_ASC", "NAME_DESC", "EMAIL_ASC")),
        *('users(search: "turing")', 'users(search: "al")', "users(status: INACTIVE)"),
        *(f"products(sort: {it})" for it in ("CREATED_AT_DESC", "NAME_ASC", "PRICE_DESC")),
        *("products(status: INACTIVE)", "orders(sort: CREATED_AT_ASC)", "orders(status: PENDING)"),
    ],
)
def test_admin_reads_every_list(admin: Person, field: str) -> None:
    connection = "{ totalCount edges { cursor node { id } } nodes { id } pageInfo { endCursor } }"

    (found,) = data_of(post(admin.http, f"{{ {field} {connection} }}")).values()

    assert [it["node"] for it in found["edges"]] == found["nodes"]


def test_search_finds_users_and_continues_from_any_cursor(
    shop: DeployedShop, admin: Person
) -> None:
    word = f"zq{uuid4().hex[:8]}"
    people = [shop.sign_up(name=f"{word} {number}").id for number in range(3)]
    text = (
        "query($w: String, $a: String) { users(search: $w, after: $a, sort: CREATED_AT_ASC)"
        " { edges { cursor node { id } } } }"
    )

    def found(after: str | None = None) -> list[Json]:
        data = data_of(post(admin.http, text, {"w": word, "a": after}))
        edges: list[Json] = data["users"]["edges"]
        return edges

    def ids(after: str | None = None) -> list[str]:
        return [it["node"]["id"] for it in found(after)]

    eventually(lambda: ids() == people, 30)
    cursors = [it["cursor"] for it in found()]
    assert [ids(it) for it in cursors] == [people[1:], people[2:], []]


def test_order_is_placed_once_by_graphql_and_rest(
    shop: DeployedShop, person: Person, product: Json
) -> None:
    key = uuid4().hex
    items = [{"productId": product["id"], "quantity": 2}]
    stock = shop.stock(product)

    first, second = (
        post(person.http, PLACE, {"i": {"items": items}}, Idempotency_Key=key) for _ in range(2)
    )
    by_rest = person.order((product["id"], 2), key=key)

    payload = payload_of(first)
    assert payload["userErrors"] == []
    assert "Idempotent-Replayed" not in first.headers
    assert payload_of(second)["order"]["id"] == payload["order"]["id"]
    assert second.headers["Idempotent-Replayed"] == "true"
    assert by_rest.json()["id"] == payload["order"]["id"]
    assert by_rest.headers["Idempotent-Replayed"] == "true"
    path = f"/api/users/{person.id}/orders/{payload['order']['id']}"
    assert by_rest.headers["Location"] == path
    assert person.http.get(path).json() == by_rest.json()
    assert shop.stock(product) == (stock or 0) - 2


def test_equal_orders_at_the_same_time_are_one(
    shop: DeployedShop, person: Person, product: Json
) -> None:
    key = uuid4().hex
    given = {"i": {"items": [{"productId": product["id"], "quantity": 1}]}}

    placed = gather(5, lambda _: post(person.http, PLACE, given, Idempotency_Key=key))

    served = [it for it in placed if it.status_code == 200]
    assert {it.status_code for it in placed} <= {200, 503}
    assert len({payload_of(it)["order"]["id"] for it in served}) == 1


def test_order_is_changed_under_its_etag(person: Person, product: Json) -> None:
    items = [{"productId": product["id"], "quantity": 1}]
    order = payload_of(post(person.http, PLACE, {"i": {"items": items}}))["order"]
    text = (
        "mutation($i: UpdateOrderInput!) { updateOrder(input: $i)"
        " { order { status note etag } userErrors { code } } }"
    )

    noted = payload_of(
        post(person.http, text, {"i": {"id": order["id"], "note": "x", "ifMatch": order["etag"]}})
    )
    stale = payload_of(
        post(person.http, text, {"i": {"id": order["id"], "note": "y", "ifMatch": order["etag"]}})
    )
    cancelled = payload_of(
        post(person.http, text, {"i": {"id": order["id"], "status": "CANCELLED"}})
    )

    assert noted["order"]["note"] == "x"
    assert stale == {"order": None, "userErrors": [{"code": "PRECONDITION_FAILED"}]}
    assert cancelled["order"]["status"] == "CANCELLED"


def test_order_of_unlimited_stock_for_another_user(
    shop: DeployedShop, admin: Person, person: Person
) -> None:
    endless = shop.product(stock=None)
    given = {"userId": person.id, "items": [{"productId": endless["id"], "quantity": 5}]}

    order = payload_of(post(admin.http, PLACE, {"i": given}))["order"]

    assert (order["userId"], order["items"][0]["product"]["stock"]) == (person.id, None)


def test_admin_maintains_a_product(admin: Person) -> None:
    fields = "{ product { id sku price stock etag } userErrors { code field } }"
    create = f"mutation($i: CreateProductInput!) {{ createProduct(input: $i) {fields} }}"
    update = f"mutation($i: UpdateProductInput!) {{ updateProduct(input: $i) {fields} }}"
    delete = (
        "mutation($i: DeleteProductInput!) { deleteProduct(input: $i)"
        " { deletedId userErrors { code } } }"
    )
    given, key = new_product(), uuid4().hex

    first, second = (
        payload_of(post(admin.http, create, {"i": given}, Idempotency_Key=key)) for _ in range(2)
    )
    taken = payload_of(post(admin.http, create, {"i": given}))
    made = first["product"]
    renamed = {"id": made["id"], "sku": f"X{made['sku']}", "stockDelta": -3, "price": "1.50"}
    changed = payload_of(post(admin.http, update, {"i": renamed}))["product"]
    deleted = payload_of(post(admin.http, delete, {"i": {"id": made["id"]}}))

    assert second == first
    assert [it["code"] for it in taken["userErrors"]] == ["SKU_IN_USE"]
    assert (changed["sku"], changed["stock"], changed["price"]) == (f"X{made['sku']}", 7, "1.50")
    assert deleted == {"deletedId": made["id"], "userErrors": []}
    assert admin.http.get(f"/api/products/{made['id']}").status_code == 404


def test_users_are_changed_by_themselves_and_by_admins(shop: DeployedShop, admin: Person) -> None:
    someone = shop.sign_up()
    text = (
        "mutation($i: UpdateUserInput!) { updateUser(input: $i)"
        " { user { name status role } userErrors { code } } }"
    )

    renamed = payload_of(post(someone.http, text, {"i": {"name": "Grace"}}))["user"]
    forbidden = post(someone.http, text, {"i": {"role": "ADMIN"}})
    stopped = payload_of(post(admin.http, text, {"i": {"id": someone.id, "status": "INACTIVE"}}))

    assert renamed == {"name": "Grace", "status": "ACTIVE", "role": "CUSTOMER"}
    assert codes_of(forbidden) == ["FORBIDDEN"]
    assert stopped["user"]["status"] == "INACTIVE"
    again = shop.anonymous.post("/api/sessions", json={"email": someone.email, "password": "x"})
    assert again.status_code == 401


def test_changes_of_a_name_count_on_every_face(shop: DeployedShop) -> None:
    someone = shop.sign_up()
    text = (
        "mutation($n: String) { updateUser(input: {name: $n})"
        " { user { name } userErrors { code } } }"
    )
    for number in range(15):
        assert payload_of(post(someone.http, text, {"n": f"A{number}"}))["userErrors"] == []
        changed = someone.http.patch("/api/users/me", json={"name": f"B{number}"})
        assert changed.status_code == 200

    refused = post(someone.http, text, {"n": "C"})

    assert codes_of(refused) == ["TOO_MANY_REQUESTS"]
    assert refused.json()["errors"][0]["extensions"]["retryAfter"] > 0


def test_stranger_reads_nothing_of_others(
    shop: DeployedShop, person: Person, product: Json
) -> None:
    order = person.order((product["id"], 1)).json()
    stranger = shop.sign_up()

    response = post(
        stranger.http,
        "query($u: ID!, $o: ID!) { user(id: $u) { email } order(userId: $u, id: $o) { total }"
        " users { nodes { email } } orders { nodes { id } } }",
        {"u": person.id, "o": order["id"]},
    )

    assert codes_of(response) == ["FORBIDDEN"] * 4
    assert set(response.json()["data"].values()) == {None}


def test_token_is_needed(shop: DeployedShop) -> None:
    for query in ("{ products { totalCount } }", "{ __schema { types { name } } }"):
        assert error_of(post(shop.anonymous, query)) == (401, "UNAUTHORIZED")


def test_other_methods_have_no_route(person: Person) -> None:
    for method in ("GET", "PUT", "DELETE"):
        response = person.http.request(method, "/graphql", params={"query": "{ me { id } }"})
        assert response.status_code == 404


@pytest.mark.parametrize(
    ("content", "content_type", "status", "code"),
    [
        (b"{", "application/json", 400, "BAD_REQUEST"),
        (b'[{"query": "{ me { id } }"}]', "application/json", 422, "VALIDATION_ERROR"),
        (b'{"query": "{ me { id } }", "query": "{"}', "application/json", 400, "BAD_REQUEST"),
        (b"{ me { id } }", "application/graphql", 415, "UNSUPPORTED_MEDIA_TYPE"),
        (b"query={me{id}}", "application/x-www-form-urlencoded", 415, "UNSUPPORTED_MEDIA_TYPE"),
        (b"x" * 1024 * 1025, "application/json", 413, "PAYLOAD_TOO_LARGE"),
    ],
)
def test_request_that_is_no_graphql_has_an_error_of_the_api(
    person: Person, content: bytes, content_type: str, status: int, code: str
) -> None:
    headers = {"Content-Type": content_type, "Accept": GRAPHQL_JSON}

    response = person.http.post("/graphql", content=content, headers=headers)

    assert error_of(response) == (status, code)
    assert response.headers["Content-Type"] == "application/json"


def test_media_type_of_graphql_passes_the_gateway(person: Person) -> None:
    for query, status in (("{ me { id } }", 200), ("{", 400), ("{ x }", 422)):
        response = post(person.http, query, Accept=GRAPHQL_JSON)
        assert (response.status_code, response.headers["Content-Type"]) == (status, GRAPHQL_JSON)
        assert response.headers["X-Request-Id"]


def test_schema_is_served(shop: DeployedShop) -> None:
    response = shop.anonymous.get("/docs/schema.graphql")

    assert response.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert "type Mutation {" in response.text
