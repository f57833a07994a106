"""The second response to a request with a lost first response, as docs/errors.md explains it."""

import re

from tests.support.deployed_shop import Shop, error_of, new_email
from tests.support.fixtures import PASSWORD
from tests.support.sam_template import ROOT

OTHER_PASSWORD = "another long walk by the river"
PAGE = (ROOT / "docs/errors.md").read_text().split("## After a 503 or a lost response")[1]
ROWS = re.findall(r"^\| (.*?) \| (.*?) \| .* \|$", PAGE, re.MULTILINE)


def explained(request: str, response: str) -> bool:
    return any(request in row and response in listed for row, listed in ROWS)


def test_retried_sign_up_is_email_in_use(shop: Shop) -> None:
    body = {"email": new_email(), "name": "Ada Lovelace", "password": PASSWORD}
    assert shop.anonymous.post("/api/users", json=body).status_code == 201

    retry = shop.anonymous.post("/api/users", json=body)

    assert error_of(retry) == (409, "EMAIL_IN_USE")
    assert shop.log_in(body["email"]).email == body["email"]
    assert explained("POST /api/users", "409 `EMAIL_IN_USE`")


def test_retried_cancellation_is_an_invalid_transition(shop: Shop) -> None:
    product, person = shop.product(stock=10), shop.sign_up()
    order = f"/api/users/me/orders/{person.order((product['id'], 2)).json()['id']}"
    assert person.http.patch(order, json={"status": "cancelled"}).status_code == 200

    retry = person.http.patch(order, json={"status": "cancelled"})

    assert error_of(retry) == (409, "INVALID_TRANSITION")
    assert person.http.get(order).json()["status"] == "cancelled"
    assert shop.stock(product) == 10
    assert explained("`PATCH` of an order's `status`", "409 `INVALID_TRANSITION`")


def test_retried_change_of_a_version_fails_its_precondition(shop: Shop) -> None:
    person = shop.sign_up()
    change, version = {"name": "Ada King"}, {"If-Match": '"1"'}
    first = person.http.patch("/api/users/me", json=change, headers=version)
    assert first.status_code == 200

    retry = person.http.patch("/api/users/me", json=change, headers=version)

    assert error_of(retry) == (412, "PRECONDITION_FAILED")
    assert person.http.get("/api/users/me").json()["name"] == "Ada King"
    assert explained("`If-Match`", "412 `PRECONDITION_FAILED`")


def test_retried_deletion_is_not_found(shop: Shop) -> None:
    product = f"/api/products/{shop.product()['id']}"
    assert shop.admin.http.delete(product).status_code == 204

    assert error_of(shop.admin.http.delete(product)) == (404, "NOT_FOUND")
    assert explained("`DELETE`", "404 `NOT_FOUND`")


def test_retried_deletion_of_oneself_is_rejected_and_the_login_too(shop: Shop) -> None:
    person = shop.sign_up()
    assert person.http.delete("/api/users/me").status_code == 204

    retry = person.http.delete("/api/users/me")

    # Which one depends on the gateway's cached authorizer result.
    assert error_of(retry) in {(404, "NOT_FOUND"), (401, "UNAUTHORIZED")}
    login = {"email": person.email, "password": PASSWORD}
    response = shop.anonymous.post("/api/sessions", json=login)
    assert error_of(response) == (401, "INVALID_CREDENTIALS")
    assert explained("DELETE /api/users/me", "401 `UNAUTHORIZED`")


def test_retried_password_change_is_invalid_credentials(shop: Shop) -> None:
    person = shop.sign_up()
    change = {"currentPassword": PASSWORD, "newPassword": OTHER_PASSWORD}
    assert person.http.put("/api/users/me/password", json=change).status_code == 204

    retry = person.http.put("/api/users/me/password", json=change)

    assert error_of(retry) == (401, "INVALID_CREDENTIALS")
    assert shop.log_in(person.email, OTHER_PASSWORD).id == person.id
    assert explained("PUT /api/users/{userId}/password", "401 `INVALID_CREDENTIALS`")


def test_retried_demotion_by_the_former_admin_returns_the_new_role(shop: Shop) -> None:
    person = shop.sign_up()
    promoted = shop.admin.http.patch(f"/api/users/{person.id}", json={"role": "admin"})
    assert promoted.status_code == 200
    admin = shop.log_in(person.email)
    assert admin.http.patch("/api/users/me", json={"role": "customer"}).status_code == 200

    retry = admin.http.patch("/api/users/me", json={"role": "customer"})

    assert retry.status_code == 200
    assert retry.json()["role"] == "customer"
