"""Types: the package and programs that use it, under mypy and pyright."""

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import shop_client

CLIENT = Path(__file__).parents[2]
TYPED = CLIENT / "tests/typed"
INSTALLED = Path(shop_client.__file__).parent


def mypy(*paths: Path) -> tuple[int, str]:
    cache = CLIENT.parents[1] / ".mypy_cache/client"
    return run(sys.executable, "-m", "mypy", "--cache-dir", cache, *paths)


def pyright(*paths: Path) -> tuple[int, str]:
    command = CLIENT / "node_modules/.bin/pyright"
    return run(command, "--project", CLIENT, "--pythonpath", sys.executable, *paths)


def run(*command: str | Path) -> tuple[int, str]:
    done = subprocess.run(command, cwd=CLIENT, capture_output=True, text=True)
    return done.returncode, done.stdout + done.stderr


checkers = pytest.mark.parametrize("check", [mypy, pyright])


def test_package_is_installed_from_its_wheel() -> None:
    assert CLIENT not in INSTALLED.parents
    assert (INSTALLED / "py.typed").exists()


@checkers
def test_package_and_programs_have_no_type_errors(
    check: Callable[..., tuple[int, str]], tmp_path: Path
) -> None:
    sources = sorted((CLIENT / "src").rglob("*.py"))
    tests = [it for it in sorted((CLIENT / "tests").rglob("*.py")) if it.parent != TYPED]
    program = TYPED / "threads.py"
    tasks = tmp_path / "tasks.py"
    tasks.write_text(asynchronous(program.read_text()))

    for paths in (sources, [program, tasks]):
        status, output = check(*paths)

        assert status == 0, output
    if check is mypy:
        status, output = check(*tests)

        assert status == 0, output


@checkers
def test_readme_has_no_type_errors(check: Callable[..., tuple[int, str]], tmp_path: Path) -> None:
    blocks = re.findall(r"```python\n(.*?)```", (CLIENT / "README.md").read_text(), re.DOTALL)
    program = tmp_path / "readme.py"
    program.write_text("\n".join(blocks))

    status, output = check(program)

    assert len(blocks) > 9
    assert status == 0, output


def asynchronous(program: str) -> str:
    """Return the program for tasks: its methods are awaited, except those that return iterators."""
    text = program.replace("Shop,", "AsyncShop,").replace("Iterator", "AsyncIterator")
    text = re.sub(r"\bShop\b(?!,)", "AsyncShop", text).replace("Client()", "AsyncClient()")
    text = text.replace("def ", "async def ").replace(".close()", ".aclose()")
    return re.sub(
        r"\bshop\.(?!users\.list|products\.list|orders\.list)[\w.]+\((?:[^()]|\([^()]*\))*\)",
        lambda call: f"(await {call[0]})",
        text,
    )


def test_program_for_tasks_awaits_every_method() -> None:
    program = asynchronous((TYPED / "threads.py").read_text())

    assert program.count("await ") > 30
    assert "assert_type((await shop.users.get(" not in program  # assigned before
    assert "user = (await shop.users.get())" in program


def test_program_uses_every_method() -> None:
    program = (TYPED / "threads.py").read_text()
    shop = shop_client.Shop("https://shop.test")
    groups = {"": shop, **{f"{name}.": it for name, it in vars(shop).items() if name[0] != "_"}}
    methods = {
        f"shop.{group}{name}("
        for group, it in groups.items()
        for name in dir(it)
        if name[0] != "_" and callable(getattr(it, name))
    }

    assert len(methods) > 30
    assert {it for it in methods if it not in program} == set()


@checkers
def test_mistakes_are_reported(check: Callable[..., tuple[int, str]]) -> None:
    path = TYPED / "mistakes.py"
    expected = {
        number
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if line.endswith("# error")
    }

    _, output = check(path)

    assert {int(it) for it in re.findall(r"mistakes\.py:(\d+)\S* -? ?error", output)} == expected
