"""PUT of a user applies the new status to sessions immediately, like PATCH."""

from tests.support.deployed_shop import Shop


def test_user_replaced_with_inactive_status_is_logged_out(shop: Shop) -> None:
    person = shop.sign_up()

    replaced = shop.admin.http.put(
        f"/api/users/{person.id}",
        json={
            "email": person.email,
            "name": "Ada Lovelace",
            "status": "inactive",
            "role": "customer",
        },
    )

    assert replaced.status_code == 200
    spent = {"refreshToken": person.grant["refreshToken"]}
    assert shop.anonymous.post("/api/access-tokens", json=spent).status_code == 401
