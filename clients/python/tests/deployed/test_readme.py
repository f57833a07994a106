"""The blocks of the README run as one program on a deployed stack."""

import re
import webbrowser
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from shop_client import Shop
from shop_client.models import Product

from .test_purchase import Browser

README = Path(__file__).parents[2] / "README.md"
BLOCK = re.compile(r"```python\n(.*?)```", re.DOTALL)
PASSWORD = "a long walk by the river"


class LateBrowser(webbrowser.BaseBrowser):
    """A browser whose user is signed in at its first page."""

    def __init__(self, url: str, email: str) -> None:
        super().__init__()
        self._url = url
        self._email = email

    def open(self, url: str, new: int = 0, autoraise: bool = True) -> bool:
        shop = Shop(self._url)
        shop.log_in(email=self._email, password=PASSWORD)
        return Browser(shop).open(url)


def test_readme_is_a_program_that_runs(
    stack: Any,
    pear: Product,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    email = f"ada.{uuid4()}@example.com"
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("SERVICE_ID", stack["service"][0])
    monkeypatch.setenv("SERVICE_SECRET", stack["service"][1])
    monkeypatch.setenv("PROGRAM_ID", stack["program"])
    webbrowser.register("test", None, LateBrowser(stack["url"], email), preferred=True)
    blocks = BLOCK.findall(README.read_text())
    names: dict[str, Any] = {"__name__": "readme"}

    for block in blocks:
        text = block.replace("https://api.shop.example", stack["url"])
        exec(text.replace("ada@example.com", email), names)

    assert len(blocks) > 9
    printed = capsys.readouterr().out
    assert "pending" in printed and "Log in again." in printed
    assert (tmp_path / ".config/shop").exists()
