"""A replaced user's sessions heed the new status at once, as those of a patched one do."""

from tests.support.deployed_shop import Shop


def test_who_is_replaced_by_an_inactive_user_is_out(shop: Shop) -> None:
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
