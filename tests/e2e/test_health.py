"""Health, readiness, and a deployment without signing keys."""

from collections.abc import Callable, Iterator

import pytest

from tests.support.deployed_shop import Shop, error_of
from tests.support.fixtures import PASSWORD

KEYED = ("Authorizer", "CreateSession", "GetJwks", "CheckReadiness")


def test_health_and_readiness_are_ok(shop: Shop) -> None:
    for path in ("/health", "/ready"):
        response = shop.anonymous.get(path)
        assert (response.status_code, response.json()) == (200, {"status": "ok"})
        assert response.headers["Cache-Control"] == "no-store"


@pytest.fixture
def without_keys(shop: Shop) -> Iterator[Callable[[], None]]:
    """Delete public keys and hide private ones from new sandboxes; call the result to undo it."""
    parameters, secrets = shop.stack.client("ssm"), shop.stack.client("secretsmanager")
    secret = shop.stack.resources()["SigningKeysSecret"]
    parameter = "/shop-local/jwks"
    jwks = parameters.get_parameter(Name=parameter)["Parameter"]["Value"]
    private = secrets.get_secret_value(SecretId=secret)["SecretString"]
    parameters.delete_parameter(Name=parameter)
    secrets.put_secret_value(SecretId=secret, SecretString="{}")
    shop.restart(*KEYED)

    def put_back() -> None:
        parameters.put_parameter(Name=parameter, Value=jwks, Type="String", Overwrite=True)
        secrets.put_secret_value(SecretId=secret, SecretString=private)
        shop.restart("CheckReadiness")  # or its sandbox would repeat the failure for 5 s

    yield put_back
    put_back()


def test_missing_signing_keys_reject_all_callers_until_restored(
    shop: Shop, without_keys: Callable[[], None]
) -> None:
    user = shop.anonymous.post(
        "/api/users",
        json={"email": "keyless@example.com", "name": "Ada", "password": PASSWORD},
    ).json()
    # Well-formed, and without a cached authorizer result.
    token = shop.admin.grant["accessToken"]
    fresh = token[:-9] + ("A" if token[-9] != "A" else "B") + token[-8:]
    before = shop.everything_but_attempts()

    for _ in range(2):
        mine = shop.client(fresh).get("/api/users/me")
        assert error_of(mine) == (503, "SERVICE_UNAVAILABLE")
        assert mine.headers["Retry-After"]
        jwks = shop.anonymous.get("/.well-known/jwks.json")
        assert error_of(jwks) == (503, "SERVICE_UNAVAILABLE")
        body = {"email": user["email"], "password": PASSWORD}
        assert shop.anonymous.post("/api/sessions", json=body).status_code >= 500
        ready = shop.anonymous.get("/ready")
        assert error_of(ready) == (503, "SERVICE_UNAVAILABLE")
        assert [d["field"] for d in ready.json()["error"]["details"]] == ["signing-key"]
        assert ready.headers["Retry-After"] == "5"

    assert shop.anonymous.get("/health").status_code == 200
    assert shop.everything_but_attempts() == before

    without_keys()

    assert shop.sign_up().http.get("/api/users/me").status_code == 200
    assert shop.anonymous.get("/.well-known/jwks.json").status_code == 200


def test_admin_is_created_by_direct_invocation_only(shop: Shop) -> None:
    routes = shop.stack.client("apigateway")
    (api,) = [a for a in routes.get_rest_apis()["items"] if a["name"] == "shop-local"]
    paths = {r["path"] for r in routes.get_resources(restApiId=api["id"], limit=500)["items"]}

    assert not any("admin" in path for path in paths)
    assert shop.admin.http.get("/api/users/me").json()["role"] == "admin"
