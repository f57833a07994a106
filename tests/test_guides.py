"""The guides as a reader runs them: block after block in one shell, with the printed output."""

import shutil
from pathlib import Path

import pytest

from tests.support.deployed_shop import Shop
from tests.support.printed_output import commands_of, run_commands
from tests.support.sam_template import ROOT

GUIDES = sorted((ROOT / "docs/guides").glob("*.md"))


@pytest.mark.parametrize("guide", GUIDES, ids=lambda path: path.stem)
def test_blocks_of_a_guide_print_its_output(shop: Shop, guide: Path, tmp_path: Path) -> None:
    (tmp_path / ".local").mkdir()
    shutil.copy(shop.stack.info_file, tmp_path / ".local/stack.json")
    found = [*commands_of(guide.read_text())]

    run_commands(found, tmp_path, shop.url)

    assert any(it.output for it in found)


def test_every_guide_is_run() -> None:
    assert len(GUIDES) == 6
