"""Language: comments, docstrings and documents use the terms of the field.

Two measures for each group of files: few question words per 1,000 words, since they replace nouns
in riddles, and none of the everyday words that replace a term.
"""

import ast
import io
import re
import tokenize
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.support.sam_template import ROOT
from tools.openapi import document
from tools.python_client import generated as python_client

CLIENT = ROOT / "clients/typescript"
PYTHON_CLIENT = ROOT / "clients/python"
MAX_PER_1000 = 5  # httpx has none, the README of Ory Kratos 3
QUESTION_WORDS = re.compile(r"\b(what|who|whoever|whose|whom)\b", re.IGNORECASE)
# Each in all its forms, with the term in its place.
RETIRED = {
    r"tell(s|ing)?|told": "return, report, log, publish, distinguish",
    r"mend(s|ed|ing)?": "repair, fix",
    r"whoever": "the client, the caller, the user",
    r"set(s|ting)? (it |them )?aside": "dead-letter",
    r"g(ive|ives|ave|iven|iving) up": "time out, abort, abandon",
    r"shut(s|ting)? (\w+ ){0,2}out": "deactivate, disable, reject",
    r"by hand": "manually, with an operator command",
    r"(take|takes|took|taken|taking) on(?! \d)": "accept, adopt",
    r"(go|goes|went|gone|going) on": "continue, advance",
    r"which is why": "so, therefore",
    r"so that who": "so the client",
    r"of theirs": "their",
    r"a tenth of the traffic": "canary",
}
RETIRED_WORDS = re.compile(r"\b(?:" + "|".join(RETIRED) + r")\b", re.IGNORECASE)
# Phrases with a retired word in its literal meaning.
ALLOWED: tuple[str, ...] = ()
# The name of a test starts with its subject.
NO_SUBJECT = re.compile(r"(a|an|the|it|its|what|who|whoever|whose|where|nobody|somebody) ")
WORD = re.compile(r"[A-Za-z][A-Za-z'’-]*")
# The two slashes of a URL, which follow a colon, start no comment.
TYPESCRIPT_COMMENT = re.compile(r"/\*\*?.*?\*/|(?:^|(?<=\s))//\s.*?$", re.DOTALL | re.MULTILINE)
# A title follows `test(`, or the table of `test.each`, whose last line is `])(` or `)(`.
TYPESCRIPT_TEST = re.compile(r"""^(?:test\(|.*\)\()\s*"([^"\n]*)",""", re.MULTILINE)


class Text(NamedTuple):
    path: Path
    line: int
    text: str


class Finding(NamedTuple):
    place: str
    word: str

    def __str__(self) -> str:
        return f"{self.place}: {self.word}"


def python_texts(path: Path) -> Iterator[Text]:
    """The comments and docstrings of a module."""
    source = path.read_text()
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            yield Text(path, token.start[0], token.string.lstrip("#!"))
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        if ast.get_docstring(node) is None:
            continue
        statement = node.body[0]
        assert isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)
        for number, line in enumerate(str(statement.value.value).split("\n")):
            yield Text(path, statement.lineno + number, line)


def markdown_texts(path: Path) -> Iterator[Text]:
    """The prose of a document: no code, no link targets."""
    in_code = False
    for number, line in enumerate(path.read_text().splitlines(), 1):
        if line.lstrip().startswith("```"):
            in_code = not in_code
        elif not in_code:
            prose = re.sub(r"`[^`]*`|\]\([^)]*\)|<[^>]*>|https?://\S+", " ", line)
            yield Text(path, number, prose)


def template_texts(path: Path) -> Iterator[Text]:
    """The comments and descriptions of a template, one line each."""
    description_indent: int | None = None
    for number, line in enumerate(path.read_text().splitlines(), 1):
        indent = len(line) - len(line.lstrip())
        comment = re.search(r"(?:^|\s)#\s(.*)", line)
        description = re.match(r"\s*\w*Description:\s*(.*)", line)
        if comment:
            yield Text(path, number, comment[1])
        elif description:
            yield Text(path, number, description[1])
            description_indent = indent
        elif description_indent is not None and line.strip() and indent > description_indent:
            yield Text(path, number, line)
        elif line.strip():
            description_indent = None


def hash_comment_texts(path: Path) -> Iterator[Text]:
    """The comments of a shell script, Makefile or TOML file, and the help of make targets."""
    for number, line in enumerate(path.read_text().splitlines(), 1):
        comment = re.search(r"(?:^|\s)@?##?\s(.*)", line)
        if comment:
            yield Text(path, number, comment[1])


def typescript_texts(path: Path) -> Iterator[Text]:
    """The comments of a TypeScript or JavaScript file."""
    source = path.read_text()
    for found in TYPESCRIPT_COMMENT.finditer(source):
        start = source.count("\n", 0, found.start()) + 1
        for number, line in enumerate(found[0].split("\n"), start):
            yield Text(path, number, line)


def names_of_typescript_tests(path: Path) -> Iterator[Text]:
    """The names of a file's tests, from the line of each name."""
    source = path.read_text()
    for found in TYPESCRIPT_TEST.finditer(source):
        yield Text(path, source.count("\n", 0, found.start(1)) + 1, found[1])


def names_of_tests(path: Path) -> Iterator[Text]:
    """The names of a module's tests, as words."""
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
            yield Text(path, node.lineno, node.name.removeprefix("test_").replace("_", " "))


def python_files(folder: str) -> list[Path]:
    return sorted(
        path for path in (ROOT / folder).rglob("*.py") if "/node_modules/" not in str(path)
    )


def typescript_files() -> list[Path]:
    """The client's own files: neither generated types nor build output."""
    return sorted(
        path
        for part in ("src", "test")
        for path in (CLIENT / part).rglob("*.[jt]s")
        if path.name != "openapi.ts" and "/node_modules/" not in str(path)
    )


def all_texts(paths: list[Path], read: Callable[[Path], Iterator[Text]]) -> list[Text]:
    return [text for path in paths for text in read(path)]


def python_client_files() -> list[Path]:
    """The Python client's own files: no generated ones."""
    generated = {path for path in python_client.files(document.document()) if path.exists()}
    return [path for path in python_files("clients/python") if path not in generated]


GROUPS: dict[str, Callable[[], list[Text]]] = {
    "layers": lambda: all_texts(python_files("layers/shop/shop"), python_texts),
    "functions": lambda: all_texts(python_files("functions"), python_texts),
    "tools": lambda: all_texts(python_files("tools"), python_texts),
    "tests": lambda: all_texts(python_files("tests"), python_texts),
    "names of tests": lambda: all_texts(python_files("tests"), names_of_tests),
    "README.md": lambda: all_texts([ROOT / "README.md"], markdown_texts),
    "docs": lambda: all_texts(sorted((ROOT / "docs").rglob("*.md")), markdown_texts),
    "template.yaml": lambda: all_texts([ROOT / "template.yaml"], template_texts),
    "CHANGELOG.md": lambda: all_texts([ROOT / "CHANGELOG.md"], markdown_texts),
    "CONTRIBUTING.md": lambda: all_texts([ROOT / "CONTRIBUTING.md"], markdown_texts),
    "SECURITY.md": lambda: all_texts([ROOT / "SECURITY.md"], markdown_texts),
    "Makefile": lambda: all_texts([ROOT / "Makefile"], hash_comment_texts),
    "pyproject.toml": lambda: all_texts([ROOT / "pyproject.toml"], hash_comment_texts),
    ".ci/run": lambda: all_texts([ROOT / ".ci/run"], hash_comment_texts),
    ".github": lambda: all_texts(sorted((ROOT / ".github").rglob("*.yaml")), hash_comment_texts),
    "AGENTS.md": lambda: all_texts([ROOT / "AGENTS.md"], markdown_texts),
    "client README.md": lambda: all_texts([CLIENT / "README.md"], markdown_texts),
    "client": lambda: all_texts(typescript_files(), typescript_texts),
    "tests of client libraries": lambda: all_texts(
        sorted((ROOT / "tests/clients").glob("*/*.js")), typescript_texts
    ),
    "names of client tests": lambda: all_texts(typescript_files(), names_of_typescript_tests),
    "Python client README.md": lambda: all_texts([PYTHON_CLIENT / "README.md"], markdown_texts),
    "Python client": lambda: all_texts(python_client_files(), python_texts),
    "names of Python client tests": lambda: all_texts(python_client_files(), names_of_tests),
}


@cache
def texts_of(group: str) -> list[Text]:
    return GROUPS[group]()


def without_allowed(text: str) -> str:
    for phrase in ALLOWED:
        text = re.sub(re.escape(phrase), " ", text, flags=re.IGNORECASE)
    return text


def findings(texts: list[Text], pattern: re.Pattern[str]) -> list[Finding]:
    return [
        Finding(f"{text.path.relative_to(ROOT)}:{text.line}", found[0])
        for text in texts
        for found in pattern.finditer(without_allowed(text.text))
    ]


@pytest.mark.parametrize("group", GROUPS)
def test_question_words_are_rare(group: str) -> None:
    texts = texts_of(group)
    words = sum(len(WORD.findall(text.text)) for text in texts)

    found = findings(texts, QUESTION_WORDS)

    rate = 1000 * len(found) / words
    assert rate < MAX_PER_1000, f"{rate:.1f} per 1,000 words:\n" + "\n".join(map(str, found))


@pytest.mark.parametrize("group", GROUPS)
def test_retired_words_do_not_occur(group: str) -> None:
    found = findings(texts_of(group), RETIRED_WORDS)

    assert not found, "use a term of the field:\n" + "\n".join(map(str, found))


def test_every_form_of_a_retired_word_is_found() -> None:
    for text in ("told", "Tells", "gave up", "shut a user out", "goes on", "sets it aside"):
        assert RETIRED_WORDS.fullmatch(text), text
    for text in ("untold", "recommend", "taken on 3 May", "goes only", "a handful"):
        assert not RETIRED_WORDS.search(text), text


def test_comments_of_typescript_are_found(tmp_path: Path) -> None:
    path = tmp_path / "example.test.ts"
    path.write_text(
        '/** One. */\n/**\n * Two.\n */\nconst url = "http://a.test"; // Three.\n'
        'test("four works", () => {});\ntest.each(ROWS)("%s works", f);\n'
        'test.each([\n  ["row", 1],\n])(\n  "five works",\n  f);\n'
    )

    comments = [(it.line, " ".join(WORD.findall(it.text))) for it in typescript_texts(path)]

    assert [found for found in comments if found[1]] == [(1, "One"), (3, "Two"), (5, "Three")]
    names = [(it.line, it.text) for it in names_of_typescript_tests(path)]
    assert names == [(6, "four works"), (7, "%s works"), (11, "five works")]


@pytest.mark.parametrize("group", ("names of tests", "names of client tests"))
def test_names_of_tests_start_with_their_subject(group: str) -> None:
    texts = texts_of(group)

    found = [f"{it.path.relative_to(ROOT)}:{it.line}" for it in texts if NO_SUBJECT.match(it.text)]

    assert not found, "name the subject first: " + "\n".join(found)
