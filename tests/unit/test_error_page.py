"""docs/errors.md explains every error code under its status, and no other."""

import re

import pytest

from shop.errors import ShopError
from tests.support.sam_template import ROOT
from tools.openapi.errors import all_errors

PAGE = (ROOT / "docs/errors.md").read_text()
SECTIONS = dict(re.findall(r"^## (\w+)\n\n(.*?)(?=\n## |\Z)", PAGE, re.MULTILINE | re.DOTALL))


def test_every_code_has_an_anchor_and_no_other_exists() -> None:
    headings = re.findall("^## ([A-Z_]+)$", PAGE, re.MULTILINE)

    assert sorted(headings) == sorted(error.code for error in all_errors()), (
        "give each code of shop/errors.py its heading in docs/errors.md, and no other"
    )


@pytest.mark.parametrize("error", all_errors(), ids=lambda error: error.code)
def test_code_is_explained_with_status_remedy_and_retry(
    error: type[ShopError],
) -> None:
    section = SECTIONS[error.code]

    assert section.startswith(f"{error.status}. ")
    assert "**Do:** " in section
    assert "**Retry:** " in section
