"""Documents: links, commands and pictures match the repository."""

import re
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from textwrap import dedent

import botocore.session
import pytest
from botocore import xform_name

from tests.support.sam_template import ROOT, functions, resources
from tests.support.tutorial import PAGE as TUTORIAL
from tests.support.tutorial import blocks as tutorial_blocks

DOCUMENTS = sorted(
    [
        *ROOT.glob("*.md"),
        *ROOT.glob("docs/**/*.md"),
        *ROOT.glob("clients/*/README.md"),
        *ROOT.glob("examples/*/README.md"),
    ]
)
# Documents whose commands and programs a test runs, with the test. CI cannot run those of others,
# which need an AWS account or change the machine: their shell blocks are parsed.
RUN = {
    "README.md": "tests/test_quickstart.py",
    "clients/python/README.md": "clients/python/tests/deployed/test_readme.py",
    "clients/typescript/README.md": "clients/typescript/test/unit/readme.test.ts",
    "docs/cookbook.md": "tests/test_cookbook.py",
    "docs/quick-start.md": "tests/test_quickstart.py",
    "docs/sign-in-with-shop.md": "tests/test_sign_in_guide.py",
    "docs/tutorial.md": "tests/test_quickstart.py",
    "docs/webhooks.md": "tests/test_webhook_guide.py",
    **{
        f"docs/guides/{path.name}": "tests/test_guides.py" for path in ROOT.glob("docs/guides/*.md")
    },
}
# Names of the AWS CLI that differ from the API's, and its own options
CLI_SERVICES = {"deploy": "codedeploy"}
CLI_OPTIONS = {
    *("--query", "--output", "--region", "--profile"),
    "--notification-endpoint",  # of sns subscribe
}
# A page calls the API by this line, as tests/e2e/test_conventions.py does.
FETCH = 'await fetch("http://localhost:8080/api/products");\n'
MAX_DECISION_LINES = 40
MAX_README_LINES = 100
MAX_README_NODES = 8


def relative(path: Path) -> str:
    return str(path.relative_to(ROOT))


def anchors(path: Path) -> set[str]:
    """Return the anchors of a document's headings, as GitHub generates them."""
    text = re.sub(r"```.*?```", "", path.read_text(), flags=re.DOTALL)
    headings = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading).lower().replace(" ", "-") for heading in headings}


def links(path: Path) -> Iterator[str]:
    """Return the targets of links to files and headings of this repository."""
    text = re.sub(r"^```.*?^```", "", path.read_text(), flags=re.DOTALL | re.MULTILINE)
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if "://" not in target:
            yield target


def picture(path: Path) -> str:
    return path.read_text().split("```mermaid")[1].split("```")[0]


@pytest.mark.parametrize("document", DOCUMENTS, ids=relative)
def test_links_lead_to_existing_files_and_headings(document: Path) -> None:
    for link in links(document):
        name, _, anchor = link.partition("#")
        target = (document.parent / name).resolve() if name else document

        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link


@pytest.mark.parametrize("document", DOCUMENTS, ids=relative)
def test_commands_are_make_targets(document: Path) -> None:
    printed = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True).stdout
    targets = set(re.findall(r"^  make ([a-z-]+) ", printed, re.MULTILINE))

    named = set(re.findall(r"(?:`|^|&& )make ([a-z-]+)", document.read_text(), re.MULTILINE))
    assert named <= targets


def code_blocks(document: Path) -> Iterator[tuple[str, str]]:
    """Return language and text of the blocks of code."""
    pattern = r"^( *)```(sh|python|ts|js)\n(.*?)^\1```$"
    for _, language, text in re.findall(pattern, document.read_text(), re.DOTALL | re.MULTILINE):
        yield language, dedent(text)


@pytest.mark.parametrize(
    "document", [it for it in DOCUMENTS if relative(it) not in RUN], ids=relative
)
def test_code_that_no_test_runs_is_a_shell_command_that_parses(document: Path) -> None:
    for language, text in code_blocks(document):
        if text == FETCH:
            continue
        assert language == "sh", "run it in a test, and add the document to RUN"
        # A placeholder such as <stack> would redirect.
        script = re.sub(r"<[^<>\n]+>", "placeholder", text)
        done = subprocess.run(["sh", "-n"], input=script, capture_output=True, text=True)
        assert done.returncode == 0, f"{done.stderr}\n{text}"


@pytest.mark.parametrize("name", RUN)
def test_document_that_a_test_runs_is_named_there(name: str) -> None:
    path = ROOT / name
    test = ROOT / RUN[name]

    assert [*code_blocks(path)]
    named = {path.name, path.parent.name, path.stem, "PAGE as TUTORIAL"}
    assert any(it in test.read_text() for it in named)


@cache
def options_of(service: str, operation: str) -> set[str]:
    """Return the options of a command of the AWS CLI."""
    model = botocore.session.get_session().get_service_model(CLI_SERVICES.get(service, service))
    [found] = [it for it in model.operation_names if xform_name(it, "-") == operation]
    shape = model.operation_model(found).input_shape
    return {f"--{xform_name(it, '-')}" for it in (shape.members if shape else ())} | CLI_OPTIONS


@pytest.mark.parametrize("document", DOCUMENTS, ids=relative)
def test_commands_of_the_aws_cli_exist_with_their_options(document: Path) -> None:
    text = document.read_text().replace("\\\n", " ")
    # A lookahead, since a command may be inside of another one.
    command = r"\baws (?=([a-z0-9]+) ([a-z-]+)((?:\$\([^)\n]*\)|[^|`)\n])*))"
    for service, operation, rest in re.findall(command, text):
        if operation == "wait":
            continue
        own = re.sub(r"\$\([^)]*\)|'[^']*'", "", rest)
        options = set(re.findall(r"(?<= )--[a-z-]+", own))
        allowed = options_of(service, operation)
        negated = {it.replace("--", "--no-", 1) for it in allowed}
        assert options <= allowed | negated, f"aws {service} {operation}: {options - allowed}"


@pytest.mark.parametrize("document", DOCUMENTS, ids=relative)
def test_paths_exist(document: Path) -> None:
    roots = {"shop": ROOT / "layers/shop"}
    pattern = r"`((?:shop|functions|layers|tests|tools|docs|events)/[\w./-]*)`"

    made = {it.path for it in tutorial_blocks()} if document == TUTORIAL else set()
    for path in set(re.findall(pattern, document.read_text())) - made:
        root = roots.get(path.partition("/")[0], ROOT)
        assert (root / path).exists(), path


def test_comparison_multiplies_the_measured_prices() -> None:
    text = (ROOT / "docs/comparison.md").read_text()
    measured = {
        route: float(total) + (0 if later == "–" else float(later))
        for route, total, later in re.findall(
            r"^\| (`[A-Z]+ /[^`]*`) \|.*\| \*\*([\d.]+)\*\* \| ([\d.–]+) \|$",
            (ROOT / "docs/performance.md").read_text(),
            re.MULTILINE,
        )
    }
    rows = re.findall(r"^\| (`[A-Z]+ /\S+`) \|" + r" ([\d,.]+) \|" * 5 + "$", text, re.MULTILINE)
    numbers = {route: [float(it.replace(",", "")) for it in cells] for route, *cells in rows}

    assert len(numbers) == 8
    sums = [0.0, 0.0]
    for route, (price, *shops) in numbers.items():
        assert price == pytest.approx(measured[route]), route
        for shop, (calls, dollars) in enumerate([shops[:2], shops[2:]]):
            assert dollars == pytest.approx(calls * price / 1e6, abs=0.0051), route
            sums[shop] += calls * price / 1e6
    assert re.search(rf"\*\*{sums[0]:.2f}\*\*.*\*\*{sums[1]:.2f}\*\*", text)


@pytest.mark.parametrize("name", ["comparison", "faq"])
def test_price_of_monitoring_is_the_sum_of_its_table(name: str) -> None:
    table = (ROOT / "docs/runbooks/README.md").read_text().split("## Cost of monitoring\n")[1]
    prices = [
        float(dollars)
        for item, dollars in re.findall(r"^\| (.*) \| ([\d.]+) \|$", table, re.MULTILINE)
        if "alarms" in item or item == "the dashboard"
    ]

    assert len(prices) == 2
    assert f"cost ${sum(prices):.2f} a month" in (ROOT / f"docs/{name}.md").read_text()


def test_architecture_picture_shows_every_function_and_every_table() -> None:
    drawn = set(re.findall(r"\w+", picture(ROOT / "docs/architecture.md")))

    tables = {name.removesuffix("Table") for name in resources("AWS::DynamoDB::Table")}
    parts = {function.name for function in functions()} | tables
    assert parts <= drawn, "draw it into the picture of docs/architecture.md"


def test_architecture_explains_every_table() -> None:
    text = (ROOT / "docs/architecture.md").read_text()

    for name in resources("AWS::DynamoDB::Table"):
        assert f"| {name.removesuffix('Table')} |" in text, name


def test_readme_is_short_and_its_picture_small() -> None:
    readme = ROOT / "README.md"
    nodes = set(re.findall(r"(\w+)(?:\[|\(|\{)", picture(readme)))

    assert len(readme.read_text().splitlines()) <= MAX_README_LINES
    assert len(nodes) <= MAX_README_NODES


@pytest.mark.parametrize("decision", sorted(ROOT.glob("docs/decisions/*.md")), ids=relative)
def test_decision_is_short(decision: Path) -> None:
    assert len(decision.read_text().splitlines()) <= MAX_DECISION_LINES
