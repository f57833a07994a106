"""Whole numbers in JSON bodies, with and without a decimal point."""

import pytest
from pydantic import ValidationError

from shop.orders.requests import OrderPlace
from shop.products.requests import ProductUpdate

PEAR = "0190a6b2-7c9e-7b1a-8f00-0000000000b1"


@pytest.mark.parametrize("written", ["2", "2.0", "2e0", "0.2e1"])
def test_whole_number_is_accepted_in_any_json_form(written: str) -> None:
    line = f'{{"productId": "{PEAR}", "quantity": {written}}}'

    placed = OrderPlace.model_validate_json(f'{{"items": [{line}]}}')

    assert repr(placed.items[0].quantity) == "2"


def test_unlimited_stock_stays_unlimited() -> None:
    assert ProductUpdate.model_validate_json('{"stock": null}').stock is None
    assert ProductUpdate.model_validate_json('{"stockDelta": -3.0}').stock_delta == -3


@pytest.mark.parametrize("written", ["2.5", "1e309", "1e300", "true", '"2"', '"2.0"'])
def test_other_numbers_are_rejected(written: str) -> None:
    for name in ("stock", "stockDelta"):
        with pytest.raises(ValidationError):
            ProductUpdate.model_validate_json(f'{{"{name}": {written}}}')
