"""The guide to OAuth as a reader follows it: its blocks, its programs, its tables."""

import json
import os
import re
import runpy
import shutil
import signal
import ssl
import stat
import subprocess
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, urlsplit

import httpx2
import pytest
from authlib.integrations.base_client import OAuthError

from shop.identity.sessions.models import ABSOLUTE_LIFETIME, IDLE_LIFETIME, REUSE_GRACE
from shop.oauth.authorizations.parameters import PARAMETERS
from shop.oauth.grants.models import CODE_LIFETIME, CONSENT_LIFETIME, MAX_FAMILIES
from shop.oauth.scopes import SCOPES
from shop.oauth.tokens.service import ACCESS_LIFETIME
from tests.support.deployed_shop import CODE_VERIFIER, DeployedShop, Person, Shop
from tests.support.sam_template import ROOT
from tests.support.waiting import HANG_SECONDS, eventually
from tools.local_cloud.free_port import free_port

type Json = dict[str, Any]

GUIDE = (ROOT / "docs/sign-in-with-shop.md").read_text()
SECTIONS = dict(
    part.split("\n", 1) for part in re.split(r"\A# |^##+ ", GUIDE, flags=re.MULTILINE)[1:]
)
BLOCKS = {
    heading: "".join(re.findall(r"```sh\n(.*?)```", text, re.DOTALL))
    for heading, text in SECTIONS.items()
    if "```sh" in text
}
# They register clients; all others run a program.
PREPARING = ("Register a client", "Replace a secret")
WEB_APP, COMMAND_LINE, SERVICE = (
    "Sign in users of a web application",
    "Sign in the user of a program",
    "Call the API without a user",
)
# A separator between the outputs of blocks.
CUT = "----- 8< -----"


class Reader(NamedTuple):
    """A folder like the repository's, and the variables of the shell after the first blocks."""

    folder: Path
    variables: Mapping[str, str]
    blocks: Mapping[str, str]
    printed: Mapping[str, str]

    @contextmanager
    def program(self, heading: str, **variables: str) -> Iterator[subprocess.Popen[str]]:
        """Start a block, and end it if it still runs afterwards."""
        with (
            self.log.open("a") as log,
            subprocess.Popen(
                ["sh", "-euc", self.blocks[heading]],
                cwd=self.folder,
                env={**self.variables, **variables},
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                start_new_session=True,
            ) as process,
        ):
            try:
                yield process
            finally:
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGTERM)

    def run(self, heading: str, **variables: str) -> str:
        """Return the output of a program that ends by itself."""
        with self.program(heading, **variables) as process:
            output, _ = process.communicate(timeout=HANG_SECONDS)
            assert process.returncode == 0, self.log.read_text()
        return output

    @property
    def log(self) -> Path:
        return self.folder / "programs.log"


@pytest.fixture(scope="module")
def reader(shop: Shop, tmp_path_factory: pytest.TempPathFactory) -> Reader:
    folder = tmp_path_factory.mktemp("reader")
    (folder / ".local").mkdir()
    shutil.copy(shop.stack.info_file, folder / ".local/stack.json")
    for name in (".venv", "docs"):
        (folder / name).symlink_to(ROOT / name)
    port = free_port()
    blocks = {
        heading: block.replace("http://127.0.0.1:8080", shop.url).replace(":3000/", f":{port}/")
        for heading, block in BLOCKS.items()
    }
    keep = "python3 -c 'import json, os; print(json.dumps(dict(os.environ)))'"
    script = f"\necho '{CUT}'\n".join([*(blocks[it] for it in PREPARING), keep])
    # -a: the programs' blocks, which each run in a shell of their own, need the variables.
    done = subprocess.run(
        ["sh", "-aeuc", script], cwd=folder, capture_output=True, text=True, timeout=HANG_SECONDS
    )
    assert done.returncode == 0, done.stdout + done.stderr
    *printed, variables = done.stdout.split(CUT)
    return Reader(folder, json.loads(variables), blocks, dict(zip(PREPARING, printed, strict=True)))


@pytest.fixture(scope="module")
def web_app(reader: Reader) -> Iterator[str]:
    """The URL of the web application while it runs."""
    with reader.program(WEB_APP) as process:
        opened = re.fullmatch(r"Open (https://localhost:\d+)/\n", line_of(process))
        assert opened, reader.log.read_text()
        yield opened[1]


@pytest.fixture
def browser(reader: Reader, web_app: str) -> Iterator[httpx2.Client]:
    """A browser that accepted the certificate."""
    accepted = ssl.create_default_context(cafile=str(reader.folder / ".local/localhost.pem"))
    with httpx2.Client(base_url=web_app, verify=accepted, timeout=HANG_SECONDS) as client:
        yield client


@pytest.fixture
def person(shop: Shop) -> Person:
    return shop.sign_up()


@pytest.fixture
def example(reader: Reader, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Json]:
    """Return the names of a program, which does not run as the main one."""

    def load(name: str, **variables: str) -> Json:
        for variable, value in variables.items():
            monkeypatch.setenv(variable, value)
        return runpy.run_path(str(ROOT / f"docs/examples/{name}.py"))

    return load


def line_of(process: subprocess.Popen[str]) -> str:
    """Return the next line that a program prints."""
    assert process.stdout is not None
    return process.stdout.readline()


def visit(shop: Shop, person: Person, request: str, **changes: Any) -> dict[str, str]:
    """Sign in at the URL of a request, and allow it; return the redirect's parameters."""
    query = dict(parse_qsl(urlsplit(request).query))
    assert query.keys() <= PARAMETERS.keys()
    assert shop.anonymous.get(request).status_code == 200
    client = {"id": query.pop("client_id"), "redirectUris": [query.pop("redirect_uri")]}
    body = {re.sub("_(.)", lambda it: it[1].upper(), name): text for name, text in query.items()}
    return person.authorize(client, **(body | changes))


def tokens_of(shop: Shop, reader: Reader, person: Person) -> Json:
    """Return new tokens of the web application."""
    credentials = (reader.variables["WEB_APP"], reader.variables["WEB_APP_SECRET"])
    client = {"id": credentials[0], "redirectUris": [reader.variables["REDIRECT_URI"]]}
    code = person.authorize(client)["code"]
    form = {"grant_type": "authorization_code", "code": code, "code_verifier": CODE_VERIFIER}
    tokens: Json = shop.anonymous.post("/oauth/token", data=form, auth=credentials).json()
    return tokens


def devices_of(person: Person) -> int:
    (grant,) = person.http.get("/api/grants").json()["data"]
    return int(grant["devices"])


def test_guide_runs_every_example() -> None:
    assert [*BLOCKS] == [*PREPARING, WEB_APP, COMMAND_LINE, SERVICE]
    for name in ("web_app", "command_line", "service"):
        assert f"docs/examples/{name}.py\n" in "".join(BLOCKS.values())


def test_both_secrets_work_after_a_rotation(reader: Reader) -> None:
    printed = reader.printed["Replace a secret"]

    assert reader.variables["OLD_SECRET"] != reader.variables["SERVICE_SECRET"]
    assert printed.count('"access_token"') == 2 and '"error"' not in printed


def test_web_app_signs_a_user_in_and_keeps_the_tokens(
    shop: Shop, browser: httpx2.Client, person: Person
) -> None:
    product = shop.product()
    assert person.order((product["id"], 1)).status_code == 201
    assert "Sign in with Shop" in browser.get("/").text

    back = visit(shop, person, browser.get("/login").headers["Location"])
    signed_in = browser.get("/callback", params=back)

    assert (signed_in.status_code, signed_in.headers["Location"]) == (303, "/")
    page = browser.get("/")
    assert "Ada Lovelace: 1 orders" in page.text
    shown = f"{signed_in.headers} {page.headers} {page.text}"
    assert "shop_rt_" not in shown and "eyJ" not in shown
    assert browser.get("/callback", params=back).headers["Location"] == "/", "the code is used once"
    assert devices_of(person) == 1


def test_web_app_revokes_its_tokens_at_the_logout(
    shop: Shop, browser: httpx2.Client, person: Person
) -> None:
    back = visit(shop, person, browser.get("/login").headers["Location"])
    browser.get("/callback", params=back)

    browser.post("/")

    assert devices_of(person) == 0
    assert "Sign in with Shop" in browser.get("/").text


@pytest.mark.parametrize(
    ("asked", "changed"),
    [
        ({"consent": "refused"}, {}),
        ({"nonce": "of another request"}, {}),
        ({}, {"state": "of another browser"}),
        ({}, {"iss": "https://another.example"}),
        ({}, {"code": "shop_ac_x"}),
    ],
)
def test_web_app_rejects_a_response_that_is_not_its_own(
    shop: Shop, browser: httpx2.Client, person: Person, asked: Json, changed: Json
) -> None:
    back = visit(shop, person, browser.get("/login").headers["Location"], **asked)

    response = browser.get("/callback", params=back | changed)

    assert response.status_code == 403 and "Set-Cookie" not in response.headers
    assert "Sign in with Shop" in browser.get("/").text


def test_web_app_refreshes_until_the_user_ends_the_grant(
    shop: Shop, reader: Reader, person: Person, example: Callable[..., Json]
) -> None:
    app = example(
        "web_app",
        SHOP_URL=shop.url,
        CLIENT_ID=reader.variables["WEB_APP"],
        CLIENT_SECRET=reader.variables["WEB_APP_SECRET"],
        REDIRECT_URI=reader.variables["REDIRECT_URI"],
    )
    tokens = tokens_of(shop, reader, person)
    session = {"token": tokens | {"expires_at": 0}}

    assert app["count_orders"](session) == 0

    assert session["token"]["refresh_token"] != tokens["refresh_token"]
    session["token"]["expires_at"] = 0
    assert person.http.delete(f"/api/grants/{reader.variables['WEB_APP']}").status_code == 204
    with pytest.raises(OAuthError, match="invalid_grant"):
        app["count_orders"](session)


class Terminal:
    """The command line program, with a browser that prints its URL."""

    def __init__(self, shop: Shop, reader: Reader, person: Person) -> None:
        self.shop, self.reader, self.person = shop, reader, person
        self.file = reader.folder / ".local/orders.json"
        self._variables = {"BROWSER": "echo %s"}

    def run(self) -> str:
        """Run it without a sign-in."""
        return self.reader.run(COMMAND_LINE, **self._variables)

    def sign_in(self, **changes: Any) -> str:
        """Run it, sign in at the URL that it opens, and return its output after that."""
        with self.reader.program(COMMAND_LINE, **self._variables) as process:
            request = line_of(process).strip()
            back = visit(self.shop, self.person, request, **changes)
            target = dict(parse_qsl(urlsplit(request).query))["redirect_uri"]
            assert httpx2.get(target, params=back | {"state": "guessed"}).status_code == 404
            assert httpx2.get(target, params=back).status_code == 200
            output, _ = process.communicate(timeout=HANG_SECONDS)
        return output

    def tokens(self) -> Json:
        tokens: Json = json.loads(self.file.read_text())
        return tokens

    def expire(self, **tokens: str) -> None:
        self.file.write_text(json.dumps(self.tokens() | {"expires_at": 0} | tokens))


@pytest.fixture
def terminal(shop: Shop, reader: Reader, person: Person) -> Iterator[Terminal]:
    terminal = Terminal(shop, reader, person)
    yield terminal
    terminal.file.unlink(missing_ok=True)


def test_command_line_signs_in_once_with_the_browser(shop: Shop, terminal: Terminal) -> None:
    product = shop.product()
    assert terminal.person.order((product["id"], 1)).status_code == 201

    output = terminal.sign_in()

    assert re.search(r"pending 19.90 EUR\n1 orders\n", output)
    assert stat.S_IMODE(terminal.file.stat().st_mode) == 0o600
    assert terminal.run() == output


def test_command_line_refreshes_and_survives_a_lost_response(terminal: Terminal) -> None:
    terminal.sign_in()
    first = terminal.tokens()["refresh_token"]
    terminal.expire()
    assert terminal.run() == "0 orders\n"
    second = terminal.tokens()["refresh_token"]

    terminal.expire(refresh_token=first)
    output = terminal.run()

    assert output == "0 orders\n"
    assert terminal.tokens()["refresh_token"] == second != first


def test_command_line_signs_in_again_after_the_user_ended_the_grant(
    reader: Reader, terminal: Terminal
) -> None:
    terminal.sign_in()
    terminal.expire()
    path = f"/api/grants/{reader.variables['COMMAND_LINE']}"
    assert terminal.person.http.delete(path).status_code == 204

    assert terminal.sign_in() == "0 orders\n"


def test_command_line_ends_if_the_user_refuses(terminal: Terminal) -> None:
    assert terminal.sign_in(consent="refused") == ""
    assert not terminal.file.exists()


def test_service_counts_all_orders(shop: Shop, reader: Reader, person: Person) -> None:
    product = shop.product()
    assert person.order((product["id"], 1)).status_code == 201

    assert eventually(lambda: re.search(r"^pending [1-9]\d*$", reader.run(SERVICE), re.MULTILINE))


def test_service_replaces_a_revoked_token(
    shop: Shop, reader: Reader, example: Callable[..., Json]
) -> None:
    credentials = (reader.variables["SERVICE"], reader.variables["SERVICE_SECRET"])
    service = example(
        "service", SHOP_URL=shop.url, CLIENT_ID=credentials[0], CLIENT_SECRET=credentials[1]
    )
    revoked = service["shop"].fetch_token()["access_token"]
    shop.anonymous.post("/oauth/revoke", data={"token": revoked}, auth=credentials)

    service["count_orders"]()

    assert service["shop"].token["access_token"] != revoked


def rows(heading: str, table: int = 0) -> list[list[str]]:
    """Return the cells of a table without its head."""
    tables = re.findall(r"(?:^\|.*\n)+", SECTIONS[heading], re.MULTILINE)
    return [
        [cell.strip() for cell in line.strip("|").split(" | ")]
        for line in tables[table].splitlines()[2:]
    ]


def test_scopes_are_those_of_the_code() -> None:
    assert {row[0].strip("`"): row[1] for row in rows("Scopes")} == dict(SCOPES)


def test_endpoints_of_scopes_are_those_of_the_document() -> None:
    paths = json.loads((ROOT / "docs/openapi.json").read_text())["paths"]
    required: dict[str, set[str]] = {}
    for path, operations in paths.items():
        for method, operation in operations.items():
            for alternative in operation.get("security", []) if method != "parameters" else []:
                for scope in alternative.get("oauth2", []):
                    required.setdefault(scope, set()).add(f"{method.upper()} {path}")

    printed = {row[0].strip("`"): row[2] for row in rows("Scopes")}

    # These extend what an endpoint returns.
    extending = {"profile", "email", "admin:tokens:introspect"}
    assert required.keys() == SCOPES.keys() - extending
    for scope, endpoints in required.items():
        assert {*re.findall(r"`([A-Z]+ /[^`]*)`", printed[scope])} == endpoints


def test_lifetimes_are_those_of_the_code() -> None:
    def days(lifetime: timedelta) -> str:
        return f"{lifetime.days} days"

    table = {row[0]: row[1] for row in rows("Lifetimes")}
    minutes = f"{ACCESS_LIFETIME // timedelta(minutes=1)} minutes"

    assert table["authorization code"] == f"{CODE_LIFETIME.seconds} s, once"
    assert table["access token"] == table["ID token"] == minutes
    assert f"{days(IDLE_LIFETIME)} after the last refresh" in table["refresh token"]
    assert f"{days(ABSOLUTE_LIFETIME)} after the sign-in" in table["refresh token"]
    assert table["consent"].startswith(f"{days(CONSENT_LIFETIME)} after the last sign-in")
    assert table["sign-ins of one user with one client"] == f"the newest {MAX_FAMILIES}"
    assert f"For {REUSE_GRACE.seconds} s the spent one" in SECTIONS["Lifetimes"]


def test_errors_are_those_of_the_code() -> None:
    folder = ROOT / "layers/shop/shop/oauth"
    source = "".join(path.read_text() for path in folder.rglob("*.py"))

    def raised(error: str) -> set[str]:
        return {*re.findall(rf'{error}\(\s*"(\w+)"', source)}

    def printed(table: int) -> set[str]:
        return {code for row in rows("Errors", table) for code in re.findall(r"`(\w+)`", row[0])}

    assert printed(0) == raised("AuthorizationError")
    assert printed(1) == raised("OAuthError")


def test_differences_are_those_of_the_server(shop: DeployedShop) -> None:
    client = shop.oauth_client()
    metadata = shop.anonymous.get("/.well-known/openid-configuration").json()
    posted = shop.anonymous.post("/oauth/userinfo")
    form = {"grant_type": "client_credentials"}
    refused = shop.anonymous.post("/oauth/token", data=form, auth=(client["id"], "wrong"))
    token = shop.anonymous.post(
        "/oauth/token", data=form, auth=(client["id"], client["secret"])
    ).json()["access_token"]
    closed = shop.client(token).get("/api/grants")
    body = {**client, "redirectUris": ["https://robot.example/callback?a=b"]}
    names = ("name", "type", "redirectUris", "grantTypes", "scopes")
    with_query = shop.admin.http.post("/api/oauth-clients", json={it: body[it] for it in names})

    assert metadata["id_token_signing_alg_values_supported"] == ["ES256"]
    assert not metadata.keys() & {
        *("registration_endpoint", "end_session_endpoint", "device_authorization_endpoint"),
    }
    assert metadata["response_types_supported"] == ["code"]
    assert posted.status_code == 404
    assert (refused.status_code, closed.status_code) == (401, 403)
    for response in (refused, closed):
        assert not [name for name in response.headers if "www-authenticate" in name]
    assert with_query.json()["error"]["details"][0]["code"] == "redirect_uri_query"
