"""The smoke test passes on what is deployed, and fails when something of it is broken."""

import pytest

from tests.support.deployed_shop import Shop
from tools.smoke import Smoke

ORIGIN = "http://localhost:3000"


def smoked(shop: Shop, origin: str = ORIGIN) -> tuple[bool, list[str]]:
    said: list[str] = []
    passed = Smoke(shop.url, origin).run(said.append)
    return passed, [line.split()[1] + line.split(":")[0] for line in said if "FAILED" in line]


def test_all_checks_pass_and_nothing_is_changed(shop: Shop) -> None:
    before = shop.everything()

    passed, failed = smoked(shop)

    assert passed, failed
    assert shop.everything() == before


@pytest.mark.parametrize(
    ("function", "setting", "value", "broken"),
    [
        ("CheckReadiness", "USERS_TABLE", "nothing", "/ready"),
        ("ListProducts", "PRODUCTS_TABLE", "nothing", "products are listed"),
        ("GetJwks", "JWKS_PARAMETER", "/nothing", "JWKS"),
        ("GetProduct", "PRODUCTS_TABLE", "nothing", "no such product"),
    ],
)
def test_a_function_that_does_not_reach_what_it_needs_fails_its_check_only(
    shop: Shop, function: str, setting: str, value: str, broken: str
) -> None:
    name = shop.resources[function]
    found = shop.stack.client("lambda").get_function_configuration(FunctionName=name)
    before = found["Environment"]["Variables"][setting]

    shop.set_environment(function, **{setting: value})
    try:
        passed, failed = smoked(shop)
    finally:
        shop.set_environment(function, **{setting: before})

    assert not passed
    assert len(failed) == 1 and broken in failed[0]
    assert smoked(shop)[0]


def test_where_nobody_answers_everything_fails() -> None:
    said: list[str] = []

    assert not Smoke("http://127.0.0.1:9", ORIGIN).run(said.append)
    assert said[-1] == "http://127.0.0.1:9: 0 of 9 checks passed"


def test_a_preflight_for_another_origin_fails(shop: Shop) -> None:
    passed, failed = smoked(shop, "https://stranger.example")

    assert not passed
    assert len(failed) == 1 and "preflight" in failed[0]
