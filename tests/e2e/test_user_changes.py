"""Changing and deleting users over HTTP, sequentially and in parallel."""

from typing import Any

import httpx2
import pytest

from tests.support.deployed_shop import Person, Shop, error_of, gather, new_email, new_product
from tests.support.fixtures import PASSWORD

OTHER_PASSWORD = "wrong donkey charger paperclip"
PASSWORDS = {"currentPassword": PASSWORD, "newPassword": OTHER_PASSWORD}
STALE = {"If-Match": '"99"'}


def path_of(person: Person) -> str:
    return f"/api/users/{person.id}"


def whole(person: Person, **changed: Any) -> dict[str, Any]:
    body = {"email": person.email, "name": "Ada Lovelace", "status": "active", "role": "customer"}
    return body | changed


def patch(client: httpx2.Client, person: Person, **changes: Any) -> httpx2.Response:
    return client.patch(path_of(person), json=changes)


def logs_in(shop: Shop, email: str, password: str = PASSWORD) -> int:
    body = {"email": email, "password": password}
    return shop.anonymous.post("/api/sessions", json=body).status_code


def is_accepted(shop: Shop, token: str) -> bool:
    """Log in for a token without a cached authorizer result."""
    return shop.client(token).get("/api/users/me").status_code == 200


def fresh_token(shop: Shop, person: Person, password: str = PASSWORD) -> str:
    body = {"email": person.email, "password": password}
    token: str = shop.anonymous.post("/api/sessions", json=body).json()["accessToken"]
    return token


def test_user_is_replaced_as_a_whole(shop: Shop) -> None:
    person = shop.sign_up()

    response = person.http.put("/api/users/me", json=whole(person, name="Ada King"))

    assert response.status_code == 200
    assert response.json()["name"] == "Ada King"
    assert response.json()["updatedAt"] > response.json()["createdAt"]
    assert response.headers["ETag"] == '"2"'
    assert person.http.get("/api/users/me").json() == response.json()


@pytest.mark.parametrize("content_type", ["application/json", "application/merge-patch+json"])
def test_patch_changes_named_fields_only(shop: Shop, content_type: str) -> None:
    person = shop.sign_up()
    before = person.http.get("/api/users/me").json()

    headers = {"Content-Type": content_type}
    response = person.http.patch("/api/users/me", content=b'{"name": "Ada King"}', headers=headers)

    after = response.json()
    assert response.status_code == 200
    assert after == before | {"name": "Ada King", "updatedAt": after["updatedAt"]}


def test_patch_without_a_change_keeps_the_version(shop: Shop) -> None:
    person = shop.sign_up()

    for changes in ({}, {"name": "Ada Lovelace"}, {"email": person.email.upper()}):
        response = patch(person.http, person, **changes)
        assert (response.status_code, response.headers["ETag"]) == (200, '"1"')


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"name": None}, "body.name"),
        ({"email": None}, "body.email"),
        ({"name": ""}, "body.name"),
        ({"email": "nobody"}, "body.email"),
        ({"role": "root"}, "body.role"),
        ({"status": "gone"}, "body.status"),
        ({"password": PASSWORD}, "body.password"),
        ({"emailVerified": True}, "body.emailVerified"),
        ({"version": 7}, "body.version"),
    ],
)
def test_invalid_patch_is_rejected(shop: Shop, changes: dict[str, Any], field: str) -> None:
    person = shop.sign_up()
    before = shop.everything()

    response = patch(person.http, person, **changes)

    assert error_of(response) == (422, "VALIDATION_ERROR")
    assert [detail["field"] for detail in response.json()["error"]["details"]] == [field]
    assert shop.everything() == before


def test_put_requires_every_field(shop: Shop) -> None:
    person = shop.sign_up()
    for missing in ("email", "name", "status", "role"):
        body = whole(person)
        del body[missing]
        assert error_of(person.http.put("/api/users/me", json=body)) == (422, "VALIDATION_ERROR")


def test_stale_precondition_stops_every_change(shop: Shop) -> None:
    person = shop.sign_up()
    before = shop.everything()

    for response in (
        person.http.put("/api/users/me", json=whole(person, name="B"), headers=STALE),
        person.http.patch("/api/users/me", json={"name": "B"}, headers=STALE),
        person.http.delete("/api/users/me", headers=STALE),
        person.http.patch("/api/users/me", json={"name": "B"}, headers={"If-Match": 'W/"1"'}),
    ):
        assert error_of(response) == (412, "PRECONDITION_FAILED")

    assert shop.everything() == before


def test_parallel_changes_with_one_precondition_have_one_winner(shop: Shop) -> None:
    person = shop.sign_up()

    responses = gather(
        8,
        lambda n: person.http.patch(
            "/api/users/me", json={"name": f"Ada {n}"}, headers={"If-Match": '"1"'}
        ),
    )

    assert sorted(response.status_code for response in responses) == [200, *[412] * 7]
    assert person.http.get("/api/users/me").headers["ETag"] == '"2"'
    headers = {"If-Match": "*"}
    assert person.http.patch("/api/users/me", json={"name": "A"}, headers=headers).is_success


def test_parallel_changes_of_different_fields_are_both_kept(shop: Shop) -> None:
    person = shop.sign_up()
    admin = shop.admin.http
    for round_ in range(10):
        email, name = new_email(), f"Ada {round_}"
        changes = [{"email": email}, {"name": name}]

        responses = gather(2, lambda n, changes=changes: patch(admin, person, **changes[n]))

        assert [response.status_code for response in responses] == [200, 200]
        user = admin.get(path_of(person)).json()
        assert (user["email"], user["name"]) == (email, name)


def test_parallel_patches_of_one_user_all_succeed(shop: Shop) -> None:
    """24 writers: half set the name, half the email, each to a different value."""
    person = shop.sign_up()
    names = [f"Ada {n}" for n in range(12)]
    emails = [new_email() for _ in range(12)]

    responses = gather(
        24,
        lambda n: patch(
            shop.admin.http,
            person,
            **({"email": emails[n // 2]} if n % 2 else {"name": names[n // 2]}),
        ),
    )

    assert [response.status_code for response in responses] == [200] * 24
    versions = sorted(int(response.headers["ETag"].strip('"')) for response in responses)
    assert versions == list(range(2, 26))
    last = next(response for response in responses if response.headers["ETag"] == '"25"')
    assert shop.admin.http.get(path_of(person)).json() == last.json()
    assert last.json()["name"] in names and last.json()["email"] in emails
    assert logs_in(shop, last.json()["email"]) == 201


def test_parallel_patches_of_one_field_all_succeed(shop: Shop) -> None:
    person = shop.sign_up()

    responses = gather(24, lambda n: patch(person.http, person, name=f"Ada {n}"))

    assert [response.status_code for response in responses] == [200] * 24
    assert {response.json()["name"] for response in responses} == {f"Ada {n}" for n in range(24)}
    last = next(response for response in responses if response.headers["ETag"] == '"25"')
    assert person.http.get("/api/users/me").json() == last.json()


def test_status_and_role_are_changed_by_admins_only(shop: Shop) -> None:
    person = shop.sign_up()
    before = shop.everything()

    for response in (
        patch(person.http, person, role="admin"),
        patch(person.http, person, status="inactive"),
        person.http.put("/api/users/me", json=whole(person, role="admin")),
    ):
        assert error_of(response) == (403, "FORBIDDEN")
    assert shop.everything() == before

    assert patch(shop.admin.http, person, role="admin").json()["role"] == "admin"
    assert shop.client(fresh_token(shop, person)).get("/api/users").status_code == 200
    assert patch(shop.admin.http, person, role="customer").json()["role"] == "customer"
    assert shop.client(fresh_token(shop, person)).get("/api/users").status_code == 403


def test_deactivated_user_is_logged_out_and_old_sessions_stay_invalid(shop: Shop) -> None:
    person = shop.sign_up()
    unseen, unseen_too = fresh_token(shop, person), fresh_token(shop, person)

    assert patch(shop.admin.http, person, status="inactive").json()["status"] == "inactive"
    assert not is_accepted(shop, unseen)
    assert logs_in(shop, person.email) == 403

    assert patch(shop.admin.http, person, status="active").is_success
    assert not is_accepted(shop, unseen_too)
    assert logs_in(shop, person.email) == 201


def test_own_address_change_requires_the_current_password(shop: Shop) -> None:
    person = shop.sign_up()
    email = new_email()
    before = shop.everything_but_attempts()

    assert error_of(patch(person.http, person, email=email)) == (401, "INVALID_CREDENTIALS")
    wrong = patch(person.http, person, email=email, currentPassword="wrong horse")
    assert error_of(wrong) == (401, "INVALID_CREDENTIALS")
    by_put = person.http.put("/api/users/me", json=whole(person, email=email))
    assert error_of(by_put) == (401, "INVALID_CREDENTIALS")
    assert shop.everything_but_attempts() == before

    changed = patch(person.http, person, email=f" {email.upper()} ", currentPassword=PASSWORD)
    assert (changed.status_code, changed.json()["email"]) == (200, email)
    assert changed.json()["emailVerified"] is False
    assert (logs_in(shop, email), logs_in(shop, person.email)) == (201, 401)
    assert shop.sign_up(email=person.email).id != person.id


def test_address_in_use_is_rejected(shop: Shop) -> None:
    person, other = shop.sign_up(), shop.sign_up()
    before = shop.everything_but_attempts()

    taken = patch(person.http, person, email=other.email.upper(), currentPassword=PASSWORD)
    by_admin = patch(shop.admin.http, person, email=other.email)

    assert error_of(taken) == error_of(by_admin) == (409, "EMAIL_IN_USE")
    assert shop.everything_but_attempts() == before


def test_parallel_requests_for_one_address_have_one_winner(shop: Shop) -> None:
    people = gather(6, lambda _: shop.sign_up())
    email = new_email()

    responses = gather(6, lambda n: patch(shop.admin.http, people[n], email=email))

    assert sorted(response.status_code for response in responses) == [200, *[409] * 5]
    owners = [user for user in shop.table("UsersTable") if user.get("email", {}).get("S") == email]
    (credential,) = [c for c in shop.table("CredentialsTable") if c["email"]["S"] == email]
    assert [owner["id"] for owner in owners] == [credential["user_id"]]
    for person, response in zip(people, responses, strict=True):
        assert logs_in(shop, email if response.is_success else person.email) == 201


def test_deleted_user_leaves_orders_only(shop: Shop) -> None:
    product = shop.product()
    person = shop.sign_up(name="Unmistakable Name")
    order = person.order((product["id"], 1)).json()
    unseen = fresh_token(shop, person)

    response = person.http.delete("/api/users/me")

    assert (response.status_code, response.content) == (204, b"")
    assert error_of(shop.admin.http.get(path_of(person))) == (404, "NOT_FOUND")
    assert shop.admin.http.get(f"{path_of(person)}/orders/{order['id']}").json() == order
    assert not is_accepted(shop, unseen)
    assert logs_in(shop, person.email) == 401
    stored = shop.everything()
    assert "Unmistakable" not in str(stored) and person.email not in str(stored)
    rows = [row for row in shop.table("SessionsTable") if row["user_id"]["S"] == person.id]
    assert [(row["id"]["S"], row["status"]["S"]) for row in rows] == [("gate", "inactive")]
    assert shop.sign_up(email=person.email).id != person.id
    assert error_of(shop.admin.http.delete(path_of(person))) == (404, "NOT_FOUND")


def active_admins(shop: Shop) -> tuple[list[str], int]:
    """Return the ids of the stored users, and the count in the guard row."""
    rows = shop.table("UsersTable")
    (guard,) = [row for row in rows if row["id"]["S"] == "admins"]
    admins = [row["id"]["S"] for row in rows if row.get("role") == {"S": "admin"}]
    return admins, int(guard["active_admins"]["N"])


def test_last_active_admin_stays(shop: Shop) -> None:
    before = shop.everything()
    assert active_admins(shop) == ([shop.admin.id], 1)

    for response in (
        patch(shop.admin.http, shop.admin, role="customer"),
        patch(shop.admin.http, shop.admin, status="inactive"),
        shop.admin.http.delete("/api/users/me"),
    ):
        assert error_of(response) == (409, "LAST_ADMIN")
        assert shop.everything() == before


def test_parallel_demotions_of_each_other_leave_one_admin(shop: Shop) -> None:
    second = shop.sign_up()
    for _ in range(5):
        assert patch(shop.admin.http, second, role="admin").is_success
        pair = [shop.admin, second]
        clients = [shop.client(fresh_token(shop, second))]
        admin = shop.stack.info.admin
        assert admin is not None
        clients.append(shop.log_in(admin.email, admin.password).http)
        for client in clients:  # the gateway caches this result, also for the loser
            assert client.get("/api/users/me").json()["role"] == "admin"

        responses = gather(2, lambda n, c=clients, p=pair: patch(c[n], p[n], role="customer"))

        assert sorted(response.status_code for response in responses) == [200, 403]
        admins, counted = active_admins(shop)
        assert len(admins) == counted == 1
        if admins == [second.id]:
            keeper = shop.client(fresh_token(shop, second))
            assert patch(keeper, shop.admin, role="admin").is_success
            assert patch(keeper, second, role="customer").is_success


def test_demoted_admin_loses_admin_access_immediately(shop: Shop) -> None:
    person, friend = shop.sign_up(), shop.sign_up()
    assert patch(shop.admin.http, person, role="admin").is_success
    fired = shop.client(fresh_token(shop, person))
    assert fired.get("/api/users").is_success  # the gateway caches the authorizer result
    assert patch(shop.admin.http, person, role="customer", status="inactive").is_success
    before = shop.everything()

    responses = [
        patch(fired, person, role="admin", status="active"),
        patch(fired, friend, role="admin"),
        patch(fired, friend, email=f"taken-{friend.email}"),
        fired.put(
            path_of(friend),
            json={"email": friend.email, "name": "F", "status": "inactive", "role": "customer"},
        ),
        fired.delete(path_of(friend)),
    ]

    assert [error_of(response) for response in responses] == [(403, "FORBIDDEN")] * 5
    assert shop.everything() == before


@pytest.mark.parametrize(
    "changes", [{"role": "customer"}, {"status": "inactive"}], ids=["demoted", "deactivated"]
)
def test_former_admin_changes_no_product_and_no_order_of_others(
    shop: Shop, changes: dict[str, str]
) -> None:
    person, friend = shop.sign_up(), shop.sign_up()
    product, sold = shop.product(), shop.product()
    order = friend.order((sold["id"], 1)).json()
    assert patch(shop.admin.http, person, role="admin").is_success
    fired = shop.client(fresh_token(shop, person))
    own = {"items": [{"productId": sold["id"], "quantity": 1}]}
    placed = fired.post("/api/users/me/orders", json=own)
    assert placed.status_code == 201
    assert fired.get("/api/users").is_success  # the gateway caches the authorizer result
    assert patch(shop.admin.http, person, **changes).is_success
    before = shop.everything()

    responses = [
        fired.post("/api/products", json=new_product()),
        fired.post("/api/products", json=new_product(), headers={"Idempotency-Key": "k"}),
        fired.patch(f"/api/products/{product['id']}", json={"name": "Mine"}),
        fired.patch(f"/api/products/{product['id']}", json={"stockDelta": 1}),
        fired.patch(f"/api/products/{product['id']}", json={"sku": new_product()["sku"]}),
        fired.delete(f"/api/products/{product['id']}"),
        fired.post(f"{path_of(friend)}/orders", json=own),
        fired.patch(f"{path_of(friend)}/orders/{order['id']}", json={"note": "Mine."}),
        fired.patch(f"{path_of(friend)}/orders/{order['id']}", json={"status": "processing"}),
        fired.patch(f"{path_of(friend)}/orders/{order['id']}", json={"status": "cancelled"}),
        fired.patch(placed.headers["Location"], json={"status": "processing"}),
    ]

    assert [error_of(response) for response in responses] == [(403, "FORBIDDEN")] * 11
    assert shop.everything() == before
    # Routes for customers check no role.
    cancelled = fired.patch(placed.headers["Location"], json={"status": "cancelled"})
    assert cancelled.status_code == 200


def test_password_change_ends_all_other_sessions(shop: Shop) -> None:
    person = shop.sign_up()
    unseen = fresh_token(shop, person)
    body = {"currentPassword": PASSWORD, "newPassword": OTHER_PASSWORD}

    response = person.http.put("/api/users/me/password", json=body)

    assert (response.status_code, response.content) == (204, b"")
    assert not is_accepted(shop, unseen)
    assert person.http.get("/api/users/me").headers["ETag"] == '"2"'
    assert logs_in(shop, person.email) == 401
    assert logs_in(shop, person.email, OTHER_PASSWORD) == 201
    session = {"user_id": person.id, "id": person.grant["session"]["id"]}
    rows = {
        row["id"]["S"]: row
        for row in shop.table("SessionsTable")
        if row["user_id"]["S"] == person.id
    }
    assert rows[session["id"]]["epoch"] == rows["gate"]["epoch"] == {"N": "2"}


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (
            {"currentPassword": "wrong horse", "newPassword": OTHER_PASSWORD},
            (401, "INVALID_CREDENTIALS"),
        ),
        (
            {"currentPassword": "x" * 73, "newPassword": OTHER_PASSWORD},
            (401, "INVALID_CREDENTIALS"),
        ),
        ({"currentPassword": PASSWORD, "newPassword": "short"}, (422, "VALIDATION_ERROR")),
        ({"currentPassword": PASSWORD, "newPassword": "password1"}, (422, "VALIDATION_ERROR")),
        ({"currentPassword": PASSWORD, "newPassword": "x" * 73}, (422, "VALIDATION_ERROR")),
        ({"newPassword": OTHER_PASSWORD}, (422, "VALIDATION_ERROR")),
    ],
)
def test_rejected_password_change_changes_nothing(
    shop: Shop, body: dict[str, str], expected: tuple[int, str]
) -> None:
    person = shop.sign_up()
    before = shop.everything_but_attempts()

    response = person.http.put("/api/users/me/password", json=body)

    assert error_of(response) == expected
    assert OTHER_PASSWORD not in response.text
    assert shop.everything_but_attempts() == before


def test_new_password_equal_to_the_address_is_rejected(shop: Shop) -> None:
    person = shop.sign_up()
    body = {"currentPassword": PASSWORD, "newPassword": person.email.upper()}

    assert error_of(person.http.put("/api/users/me/password", json=body))[0] == 422


def test_parallel_address_and_password_changes_leave_one_working_pair(shop: Shop) -> None:
    for _ in range(5):
        person = shop.sign_up()
        email = new_email()

        def change(n: int, person: Person = person, email: str = email) -> httpx2.Response:
            if n == 0:
                return patch(person.http, person, email=email, currentPassword=PASSWORD)
            return person.http.put("/api/users/me/password", json=PASSWORDS)

        by_address, by_password = gather(2, change)

        assert by_password.status_code == 204
        assert by_address.status_code in (200, 401)
        now = email if by_address.status_code == 200 else person.email
        assert logs_in(shop, now, OTHER_PASSWORD) == 201
        assert logs_in(shop, now, PASSWORD) == 401
        mine = [c for c in shop.table("CredentialsTable") if c["user_id"]["S"] == person.id]
        assert [c["email"]["S"] for c in mine] == [now]


def test_login_with_the_old_password_ends_at_its_change(shop: Shop) -> None:
    for _ in range(3):
        person = shop.sign_up()
        body = {"currentPassword": PASSWORD, "newPassword": OTHER_PASSWORD}

        def act(n: int, person: Person = person, body: dict[str, str] = body) -> httpx2.Response:
            if n == 3:
                return person.http.put("/api/users/me/password", json=body)
            log_in = {"email": person.email, "password": PASSWORD}
            return shop.anonymous.post("/api/sessions", json=log_in)

        responses = gather(7, act)

        assert responses.pop(3).status_code == 204
        for response in responses:
            assert response.status_code in (201, 401)
            if response.status_code == 201:
                assert not is_accepted(shop, response.json()["accessToken"])


def test_user_deleted_while_ordering_keeps_the_order_or_the_stock(shop: Shop) -> None:
    product = shop.product(stock=1000)
    for _ in range(5):
        person = shop.sign_up()
        assert person.http.get("/api/users/me").status_code == 200  # cached by the authorizer
        stock = shop.stock(product)

        def act(n: int, person: Person = person) -> httpx2.Response:
            if n == 2:
                return shop.admin.http.delete(path_of(person))
            return person.order((product["id"], 1))

        responses = gather(6, act)

        assert responses.pop(2).status_code == 204
        assert {response.status_code for response in responses} <= {201, 404}
        placed = sum(response.status_code == 201 for response in responses)
        page = shop.admin.http.get(f"{path_of(person)}/orders").json()
        assert len(page["data"]) == page["meta"]["total"] == placed
        assert stock is not None and shop.stock(product) == stock - placed


def test_admin_lists_users_by_status_and_time(shop: Shop) -> None:
    people = [shop.sign_up() for _ in range(4)]
    shop.deactivate(people[1])
    ids = [person.id for person in people]

    newest = shop.admin.http.get("/api/users", params={"limit": "4"}).json()
    inactive = shop.admin.http.get("/api/users", params={"status": "inactive", "limit": "1"}).json()

    assert [user["id"] for user in newest["data"]] == ids[::-1]
    assert newest["meta"]["page"] == 1 and newest["meta"]["nextCursor"]
    assert [user["id"] for user in inactive["data"]] == [people[1].id]
    assert "password" not in str(newest).lower()


@pytest.mark.parametrize("sort", ["createdAt", "-createdAt"])
def test_cursor_pagination_returns_every_user_once_during_sign_ups(shop: Shop, sort: str) -> None:
    known = sorted(user["id"]["S"] for user in shop.table("UsersTable") if "email" in user)
    walked: list[str] = []
    target: str | None = f"/api/users?limit=7&sort={sort}"
    while target:
        response = shop.admin.http.get(target)
        walked += [user["id"] for user in response.json()["data"]]
        if len(walked) < 20:
            shop.sign_up()
        target = response.links.get("next", {}).get("url")

    assert len(walked) == len(set(walked))
    seen = [user for user in walked if user in known]
    assert seen == (known if sort == "createdAt" else known[::-1])


def test_pages_are_numbered_and_linked(shop: Shop) -> None:
    first = shop.admin.http.get("/api/users?limit=2&page=1&sort=createdAt")
    second = shop.admin.http.get("/api/users?limit=2&page=2&sort=createdAt")
    both = shop.admin.http.get("/api/users?limit=4&sort=createdAt").json()["data"]

    assert first.json()["data"] + second.json()["data"] == both
    assert (first.json()["meta"]["page"], second.json()["meta"]["page"]) == (1, 2)
    assert shop.admin.http.get(second.links["prev"]["url"]).json() == first.json()
    assert shop.admin.http.get(first.links["next"]["url"]).json()["data"] == second.json()["data"]


@pytest.mark.parametrize(
    "query",
    [
        "status=gone",
        "sort=password",
        "sort=%2BcreatedAt",
        "page=0",
        "page=101&limit=100",
        "page=2&cursor=x",
        "status=active&status=inactive",
        "searhc=ada",
    ],
)
def test_invalid_list_parameters_are_rejected(shop: Shop, query: str) -> None:
    assert error_of(shop.admin.http.get(f"/api/users?{query}")) == (422, "VALIDATION_ERROR")


def test_cursor_is_bound_to_filter_and_sort(shop: Shop) -> None:
    cursor = shop.admin.http.get("/api/users?limit=1").json()["meta"]["nextCursor"]

    for other in ("sort=createdAt", "status=active"):
        response = shop.admin.http.get(f"/api/users?cursor={cursor}&{other}")
        assert error_of(response) == (400, "BAD_REQUEST")


def test_profile_changes_are_limited_per_user(shop: Shop) -> None:
    """30 in 15 minutes, counted atomically; changes by admins are unlimited."""
    person, other = shop.sign_up(), shop.sign_up()
    for number in range(25):
        assert patch(person.http, person, name=f"Ada {number}").status_code == 200

    responses = gather(8, lambda number: patch(person.http, person, name=f"Ada {number + 25}"))

    rejected = [it for it in responses if it.status_code == 429]
    assert len(rejected) == 3
    for response in rejected:
        assert error_of(response) == (429, "TOO_MANY_REQUESTS")
        assert 0 < int(response.headers["Retry-After"]) <= 900
    before = person.http.get("/api/users/me").json()
    for body in ({"name": "Ada"}, {"email": new_email(), "currentPassword": PASSWORD}):
        assert error_of(patch(person.http, person, **body)) == (429, "TOO_MANY_REQUESTS")
    replaced = person.http.put(path_of(person), json=whole(person, name="Ada"))
    assert error_of(replaced) == (429, "TOO_MANY_REQUESTS")
    assert person.http.get("/api/users/me").json() == before

    assert patch(person.http, person, name=before["name"]).status_code == 200  # changes nothing
    assert patch(other.http, other, name="Grace").status_code == 200
    assert patch(shop.admin.http, person, name="Grace").status_code == 200
