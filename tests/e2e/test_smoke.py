"""The smoke test passes on a healthy deployment and fails on a broken one."""

import pytest

from tests.support.deployed_shop import Shop
from tools.smoke import Smoke


def smoked(shop: Shop, origin: str | None = None) -> tuple[bool, list[str]]:
    lines: list[str] = []
    passed = Smoke(shop.url, origin or shop.origin).run(lines.append)
    return passed, [line.split()[1] + line.split(":")[0] for line in lines if "FAILED" in line]


def test_smoke_test_passes_and_changes_nothing(shop: Shop) -> None:
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
        ("GetProduct", "PRODUCTS_TABLE", "nothing", "unknown product"),
    ],
)
def test_function_without_its_dependency_fails_its_own_check_only(
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


def test_unreachable_deployment_fails_every_check() -> None:
    lines: list[str] = []

    assert not Smoke("http://127.0.0.1:9", "https://shop.example").run(lines.append)
    assert lines[-1] == "http://127.0.0.1:9: 0 of 9 checks passed"


def test_preflight_for_another_origin_fails(shop: Shop) -> None:
    passed, failed = smoked(shop, "https://stranger.example")

    assert not passed
    assert len(failed) == 1 and "preflight" in failed[0]
