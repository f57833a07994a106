"""GET /oauth/authorize in a browser: signing in for an application, and allowing it."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest
from playwright.sync_api import Browser, Dialog, Locator, Page, Request, Route, expect

from tests.browser.conftest import Expected, serve_below_stage
from tests.browser.pictures import with_palette
from tests.browser.sign_in import allow_button, refuse_button, sign_in
from tests.support.authenticator_app import wrong_code
from tests.support.deployed_shop import (
    CODE_CHALLENGE,
    CODE_VERIFIER,
    REDIRECT_URI,
    Person,
    Shop,
)
from tests.support.fixtures import PASSWORD
from tests.support.second_factors import turn_on
from tests.support.waiting import eventually

type Json = dict[str, Any]

PUBLIC: Json = {
    "type": "public",
    "homepage": "https://www.robot.example/about",
    "redirectUris": ["http://127.0.0.1/callback", REDIRECT_URI, "com.example.robot:/callback"],
    "grantTypes": ["authorization_code", "refresh_token"],
    "scopes": ["openid", "orders:read"],
}
UNREACHABLE = "The shop is not reachable. Try again."
BUSY = "The shop is busy. Try again."
SIGNED_OUT = "You were signed out. Sign in again."
UNAVAILABLE = '{"error": {"code": "SERVICE_UNAVAILABLE", "message": "No.", "requestId": "1"}}'


class Arrival(NamedTuple):
    path: str
    query: dict[str, str]
    referer: str | None


class Application(ThreadingHTTPServer):
    """A website of another origin. It records the requests that arrive, and has one page."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.arrived: list[Arrival] = []
        self.page = ""


class _Handler(BaseHTTPRequestHandler):
    server: Application

    def do_GET(self) -> None:
        path, _, query = self.path.partition("?")
        arrival = Arrival(path, dict(parse_qsl(query)), self.headers["Referer"])
        self.server.arrived.append(arrival)
        self.send_response(200)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.end_headers()
        head = '<!doctype html><title>Robot</title><link rel="icon" href="data:,">'
        self.wfile.write(f"{head}{self.server.page}".encode())

    def log_message(self, *_: object) -> None:
        """Log nothing."""


@pytest.fixture
def application(expected: Expected) -> Iterator[Application]:
    with Application() as application:
        thread = Thread(target=application.serve_forever)
        thread.start()
        expected.destinations.add(urlsplit(application.url).netloc)
        yield application
        application.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def robot(shop: Shop) -> Json:
    return shop.oauth_client(**PUBLIC)


@pytest.fixture
def ada(shop: Shop) -> Person:
    return shop.sign_up()


def link_to(url: str, client: Json, redirect_uri: str, **more: str) -> str:
    query = {
        "client_id": client["id"],
        "redirect_uri": redirect_uri,
        "response_type": "code",
        "scope": "openid orders:read",
        "state": "a state",
        "code_challenge": CODE_CHALLENGE,
        "code_challenge_method": "S256",
    }
    return f"{url}/oauth/authorize?{urlencode(query | more)}"


@pytest.fixture
def link(shop: Shop, robot: Json, application: Application) -> str:
    return link_to(shop.url, robot, f"{application.url}/callback")


def arrival(page: Page, application: Application) -> dict[str, str]:
    """Wait until the browser is back at the application; return what the redirect says."""
    page.wait_for_url(f"{application.url}/callback?**")
    found = application.arrived[-1]
    assert (found.path, found.referer) == ("/callback", None)
    return found.query


def exchange(shop: Shop, client: Json, code: str, redirect_uri: str) -> Json:
    form = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": redirect_uri,
        "code_verifier": CODE_VERIFIER,
        "client_id": client["id"],
    }
    if "secret" in client:
        form["client_secret"] = client["secret"]
    response = shop.anonymous.post("/oauth/token", data=form)
    assert response.status_code == 200, response.text
    tokens: Json = response.json()
    return tokens


def session_ids(person: Person) -> list[str]:
    return [it["id"] for it in person.http.get("/api/sessions").json()["data"]]


def test_allowed_application_gets_a_code(
    shop: Shop, page: Page, application: Application, robot: Json, ada: Person, link: str
) -> None:
    before = session_ids(ada)
    page.goto(link)
    expect(page.locator("main")).to_contain_text("Invoice robot (www.robot.example) wants to use")
    sign_in(page, ada)
    expect(page.get_by_role("listitem")).to_have_text(["Know who you are", "See your orders"])
    expect(page.locator("main")).to_contain_text(f"your account {ada.email}.")
    expect(page.locator("main")).to_contain_text("180 days")

    allow_button(page).click()

    sent = arrival(page, application)
    assert sent.keys() == {"code", "state", "iss"}
    assert (sent["state"], sent["iss"]) == ("a state", shop.url_of_issuer)
    tokens = exchange(shop, robot, sent["code"], f"{application.url}/callback")
    orders = shop.client(tokens["access_token"]).get("/api/users/me/orders")
    assert orders.status_code == 200
    assert session_ids(ada) == before


def test_refusal_is_sent_to_the_application(
    shop: Shop, page: Page, application: Application, ada: Person, link: str
) -> None:
    before = session_ids(ada)
    page.goto(link)
    sign_in(page, ada)

    refuse_button(page).click()

    sent = arrival(page, application)
    assert (sent["error"], sent["state"]) == ("access_denied", "a state")
    assert sent["iss"] == shop.url_of_issuer and "code" not in sent
    assert ada.http.get("/api/grants").json()["data"] == []
    # The request that ends the session outlives the page.
    assert eventually(lambda: session_ids(ada) == before)


def test_session_ends_when_the_page_is_left(page: Page, ada: Person, link: str) -> None:
    before = session_ids(ada)
    page.goto(link)
    sign_in(page, ada)
    expect(allow_button(page)).to_be_visible()
    assert len(session_ids(ada)) == len(before) + 1

    page.goto("about:blank")

    assert eventually(lambda: session_ids(ada) == before)


def test_wrong_password_is_reported_and_the_right_one_works(
    page: Page, application: Application, ada: Person, link: str
) -> None:
    page.goto(link)

    sign_in(page, ada, "no such password")

    expect(page.get_by_role("status")).to_have_text("Incorrect email or password.")
    expect(page.get_by_label("Password")).to_be_focused()
    expect(page.get_by_label("Email")).to_have_value(ada.email)
    page.keyboard.type(PASSWORD)  # in place of the wrong one
    page.keyboard.press("Enter")
    allow_button(page).click()
    assert "code" in arrival(page, application)


def test_second_factor_is_asked_for_after_the_password(
    page: Page, application: Application, ada: Person, link: str
) -> None:
    app = turn_on(ada)
    page.goto(link)
    code = page.get_by_label("Code")
    expect(code).to_be_hidden()

    sign_in(page, ada)

    expect(page.get_by_role("status")).to_have_text("Enter a code to sign in.")
    expect(page.locator("form")).to_contain_text("or a recovery code")
    expect(code).to_be_focused()
    code.fill(app.code())
    page.keyboard.press("Enter")
    allow_button(page).click()
    assert "code" in arrival(page, application)


def test_wrong_code_is_reported_and_a_recovery_code_works(
    page: Page, application: Application, ada: Person, link: str
) -> None:
    app = turn_on(ada)
    page.goto(link)
    sign_in(page, ada)
    code = page.get_by_label("Code")
    code.fill(wrong_code(app.secret, datetime.now(UTC)))

    page.keyboard.press("Enter")

    expect(page.get_by_role("status")).to_have_text("The code is wrong, expired or used.")
    expect(code).to_be_focused()
    page.keyboard.type(app.recovery_codes[0])  # in place of the wrong one
    page.keyboard.press("Enter")
    allow_button(page).click()
    assert "code" in arrival(page, application)


def test_another_account_is_not_asked_for_a_code(
    shop: Shop, page: Page, ada: Person, link: str
) -> None:
    turn_on(ada)
    page.goto(link)
    sign_in(page, ada)
    expect(page.get_by_label("Code")).to_be_visible()

    sign_in(page, shop.sign_up())

    expect(allow_button(page)).to_be_visible()


@pytest.mark.parametrize("kind", ["public", "confidential"])
def test_remembered_consent_is_not_asked_again(
    shop: Shop, page: Page, robot: Json, ada: Person, expected: Expected, kind: str
) -> None:
    client = robot if kind == "public" else shop.oauth_client()
    ada.authorize(client, redirectUri=REDIRECT_URI)
    expected.destinations.add(urlsplit(REDIRECT_URI).netloc)
    page.route(f"{REDIRECT_URI}?*", lambda route: route.fulfill(body="Robot"))
    before = session_ids(ada)
    page.goto(link_to(shop.url, client, REDIRECT_URI))

    with page.expect_request(f"{REDIRECT_URI}?*") as sent:
        sign_in(page, ada)

    assert "referer" not in sent.value.headers
    code = dict(parse_qsl(urlsplit(sent.value.url).query))["code"]
    assert exchange(shop, client, code, REDIRECT_URI)["token_type"] == "Bearer"
    assert session_ids(ada) == before


def test_application_on_this_machine_is_asked_again(
    page: Page, application: Application, robot: Json, ada: Person, link: str
) -> None:
    ada.authorize(robot, redirectUri=f"{application.url}/callback")
    page.goto(link)

    sign_in(page, ada)

    expect(allow_button(page)).to_be_visible()
    assert application.arrived == []


def test_error_of_the_request_arrives_without_a_page(
    shop: Shop, page: Page, application: Application, link: str
) -> None:
    page.goto(f"{link}&prompt=none")

    sent = arrival(page, application)
    assert (sent["error"], sent["state"]) == ("login_required", "a state")
    assert sent["iss"] == shop.url_of_issuer


@pytest.mark.parametrize("parameter", ["client_id", "redirect_uri"])
def test_unregistered_application_gets_a_page_and_no_redirect(
    page: Page, application: Application, link: str, expected: Expected, parameter: str
) -> None:
    expected.messages.add("the server responded with a status of 400")
    wrong = re.sub(f"{parameter}=[^&]*", f"{parameter}=https://evil.example/", link)

    shown = page.goto(wrong)

    assert shown is not None and shown.status == 400
    assert page.url == wrong
    expect(page.get_by_role("heading")).to_have_text("This link does not work")
    expect(page.locator("main")).to_contain_text("registered")
    expect(page.get_by_role("button")).to_have_count(0)
    assert application.arrived == []


@pytest.mark.parametrize(
    "name",
    [
        '"><script>alert(1)</script>',
        "</body></main><img src=x onerror=alert(1)>",
        "@HOME@ @CLIENT@",
        "${x} `y` $& $1 \\x3c",
        "&lt;b&gt; 'quoted'",
        "רובוט (1) روبوت",  # right-to-left letters
        "n" * 100,
    ],
)
def test_name_of_the_application_is_shown_as_text(
    shop: Shop, page: Page, application: Application, ada: Person, name: str
) -> None:
    dialogs: list[str] = []

    def on_dialog(dialog: Dialog) -> None:
        dialogs.append(dialog.message)
        dialog.dismiss()

    page.on("dialog", on_dialog)
    client = shop.oauth_client(**PUBLIC, name=name)
    page.goto(link_to(shop.url, client, f"{application.url}/callback"))
    shown = page.locator("main > p").first
    expect(shown).to_have_text(f"{name} (www.robot.example) wants to use your account.")
    sign_in(page, ada)

    expect(allow_button(page)).to_have_text(f"Allow {name}")
    # Right-to-left letters reorder nothing outside of the name.
    assert shown.locator("bdi").inner_text() == name
    assert dialogs == []
    allow_button(page).click()
    assert "code" in arrival(page, application)


def test_application_without_a_homepage_shows_no_host(
    shop: Shop, page: Page, application: Application
) -> None:
    client = shop.oauth_client(**PUBLIC | {"homepage": None})

    page.goto(link_to(shop.url, client, f"{application.url}/callback"))

    expect(page.locator("main > p").first).to_have_text("Invoice robot wants to use your account.")


def test_login_hint_is_filled_in(
    shop: Shop, page: Page, robot: Json, application: Application, ada: Person
) -> None:
    page.goto(link_to(shop.url, robot, f"{application.url}/callback", login_hint=ada.email))

    expect(page.locator("input[type=email]")).to_have_value(ada.email)
    expect(page.locator("input[type=password]")).to_be_focused()
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")
    expect(allow_button(page)).to_be_visible()


def test_page_is_usable_by_keyboard(
    page: Page, application: Application, ada: Person, link: str
) -> None:
    keyboard = page.keyboard
    page.goto(link)

    expect(page.get_by_label("Email")).to_be_focused()
    keyboard.type(ada.email)
    keyboard.press("Tab")
    expect(page.get_by_label("Password")).to_be_focused()
    keyboard.type(PASSWORD)
    keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Allow access?")).to_be_focused()
    # Of somebody who pressed the key twice.
    keyboard.press("Enter")
    keyboard.press("Tab")
    expect(allow_button(page)).to_be_focused()
    keyboard.press("Tab")
    expect(refuse_button(page)).to_be_focused()
    keyboard.press("Shift+Tab")
    assert application.arrived == []
    keyboard.press("Enter")

    assert "code" in arrival(page, application)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [320, 390])
def test_page_fits_a_narrow_window(
    shop: Shop,
    page: Page,
    application: Application,
    ada: Person,
    expected: Expected,
    scheme: str,
    width: int,
) -> None:
    expected.messages.add("the server responded with a status of 400")
    client = shop.oauth_client(**PUBLIC, name="n" * 100)
    page.set_viewport_size({"width": width, "height": 640})
    page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    overflow = "document.documentElement.scrollWidth - window.innerWidth"

    page.goto(link_to(shop.url, client, f"{application.url}/callback"))
    expect(page.get_by_label("Password")).to_be_visible()
    assert page.evaluate(overflow) <= 0
    sign_in(page, ada)
    expect(allow_button(page)).to_be_visible()
    assert page.evaluate(overflow) <= 0
    page.goto(link_to(shop.url, client, "https://evil.example/"))
    expect(page.get_by_role("heading")).to_be_in_viewport(ratio=1)
    assert page.evaluate(overflow) <= 0


# The colours of an element's text and of what is behind it; `Canvas` is the window's own colour.
COLOURS = """element => {
  const canvas = document.createElement("i");
  canvas.style.color = "Canvas";
  document.body.append(canvas);
  const behind = [element, canvas].map(it => getComputedStyle(it))
    .map((it, n) => n ? it.color : it.backgroundColor).find(it => it !== "rgba(0, 0, 0, 0)");
  canvas.remove();
  return [getComputedStyle(element).color, behind];
}"""


def contrast(element: Locator) -> float:
    """Return the contrast of a text (WCAG 2.2, 1.4.3)."""
    lighter, darker = sorted(map(luminance, element.evaluate(COLOURS)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def luminance(colour: str) -> float:
    parts = [int(it) / 255 for it in re.findall(r"\d+", colour)[:3]]
    red, green, blue = (it / 12.92 if it <= 0.04 else ((it + 0.055) / 1.055) ** 2.4 for it in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_texts_have_contrast(page: Page, ada: Person, link: str, scheme: str) -> None:
    page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    page.goto(link)
    assert contrast(page.get_by_role("button", name="Sign in")) >= 4.5

    sign_in(page, ada)
    expect(allow_button(page)).to_be_visible()

    texts = page.locator("h1, p, li, button").filter(visible=True)
    assert texts.count() >= 8
    for text in texts.all():
        assert contrast(text) >= 4.5, text.inner_text()
    is_dark = luminance(page.get_by_role("heading").evaluate(COLOURS)[1]) < 0.1
    assert is_dark is (scheme == "dark")


def test_nothing_moves_by_itself(page: Page, ada: Person, link: str) -> None:
    moving = """() => [...document.querySelectorAll("*")].filter(it => {
      const { animationName, transitionDuration } = getComputedStyle(it);
      return animationName !== "none" || transitionDuration !== "0s";
    }).length + document.getAnimations().length"""
    page.emulate_media(reduced_motion="reduce")
    page.goto(link)
    assert page.evaluate(moving) == 0

    sign_in(page, ada)
    expect(allow_button(page)).to_be_visible()

    assert page.evaluate(moving) == 0


def test_back_button_does_not_return_to_the_page(
    page: Page, application: Application, ada: Person, link: str
) -> None:
    page.goto(f"{application.url}/start")
    page.goto(link)
    sign_in(page, ada)
    allow_button(page).click()
    arrival(page, application)

    page.go_back()

    assert page.url == f"{application.url}/start"


def test_password_is_in_memory_only(
    page: Page, application: Application, ada: Person, link: str
) -> None:
    sent: list[Request] = []
    page.on("request", lambda request: sent.append(request))
    page.goto(link)
    sign_in(page, ada)
    expect(allow_button(page)).to_be_visible()

    kept = page.evaluate(
        "async () => [localStorage.length, sessionStorage.length, document.cookie, history.state,"
        " (await indexedDB.databases()).length, (await caches.keys()).length, navigation.entries()"
        ".map(it => it.url).filter(it => it.startsWith('http'))]"
    )
    html = page.content() + str(
        page.locator("input").evaluate_all("all => all.map(it => it.value)")
    )
    allow_button(page).click()
    arrival(page, application)

    assert kept == [0, 0, "", None, 0, 0, [link]]
    assert PASSWORD not in html
    assert len([it for it in sent if it.post_data and PASSWORD in it.post_data]) == 1
    for request in sent:
        assert not {"correct", "staple", "Bearer"} & {*re.split(r"\W", request.url)}
        assert not request.headers.get("referer")


def test_two_tabs_do_not_meet(
    shop: Shop, page: Page, application: Application, robot: Json, link: str
) -> None:
    people = [shop.sign_up(), shop.sign_up()]
    tabs = [page, page.context.new_page()]
    for tab, person in zip(tabs, people, strict=True):
        tab.goto(link)
        sign_in(tab, person)

    for tab, person in zip(tabs, people, strict=True):
        allow_button(tab).click()

        code = arrival(tab, application)["code"]
        tokens = exchange(shop, robot, code, f"{application.url}/callback")
        assert shop.client(tokens["access_token"]).get("/oauth/userinfo").json()["sub"] == person.id
        assert len(session_ids(person)) == 1


def abort(route: Route) -> None:
    route.abort()


def fail(route: Route) -> None:
    route.fulfill(status=503, content_type="application/json", body=UNAVAILABLE)


def fail_without_json(route: Route) -> None:
    route.fulfill(status=502, content_type="text/html", body="<h1>Bad gateway</h1>")


def fail_at_gateway(route: Route) -> None:
    route.fulfill(status=504, json={"message": "Endpoint request timed out"})


@pytest.mark.parametrize("path", ["sessions", "authorizations"])
@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (abort, UNREACHABLE),
        (fail, BUSY),
        (fail_without_json, UNREACHABLE),
        (fail_at_gateway, UNREACHABLE),
    ],
)
def test_failing_login_is_reported_and_can_be_repeated(
    page: Page,
    application: Application,
    ada: Person,
    link: str,
    expected: Expected,
    path: str,
    answer: Any,
    words: str,
) -> None:
    expected.messages |= {"net::ERR_FAILED", "responded with a status of 50"}
    before = session_ids(ada)
    page.goto(link)
    page.route(f"**/api/{path}", answer)
    sign_in(page, ada)
    expect(page.get_by_role("status")).to_have_text(words)
    expect(page.get_by_role("button", name="Sign in")).to_be_focused()
    page.unroute(f"**/api/{path}")

    page.keyboard.press("Enter")

    allow_button(page).click()
    assert "code" in arrival(page, application)
    assert session_ids(ada) == before


@pytest.mark.parametrize(("answer", "words"), [(abort, UNREACHABLE), (fail, BUSY)])
def test_failing_consent_is_reported_and_can_be_repeated(
    page: Page,
    application: Application,
    ada: Person,
    link: str,
    expected: Expected,
    answer: Any,
    words: str,
) -> None:
    expected.messages |= {"net::ERR_FAILED", "responded with a status of 503"}
    page.goto(link)
    sign_in(page, ada)
    expect(allow_button(page)).to_be_visible()
    page.route("**/api/authorizations", answer)
    allow_button(page).click()
    expect(page.get_by_role("status")).to_have_text(words)
    expect(allow_button(page)).to_be_focused()
    page.unroute("**/api/authorizations")

    page.keyboard.press("Enter")

    assert "code" in arrival(page, application)


def test_ended_session_asks_for_a_new_login(
    page: Page, application: Application, ada: Person, link: str
) -> None:
    page.goto(link)
    sign_in(page, ada)
    expect(allow_button(page)).to_be_visible()
    assert ada.http.delete("/api/sessions").status_code == 204

    allow_button(page).click()

    expect(page.get_by_role("status")).to_have_text(SIGNED_OUT)
    expect(page.get_by_label("Password")).to_be_focused()
    expect(allow_button(page)).to_be_hidden()
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")
    allow_button(page).click()
    assert "code" in arrival(page, application)


def test_lost_response_asks_for_a_new_login(
    page: Page, application: Application, ada: Person, link: str, expected: Expected
) -> None:
    expected.messages.add("net::ERR_FAILED")

    def lose_response(route: Route) -> None:
        assert route.fetch().status == 200
        route.abort()

    page.goto(link)
    sign_in(page, ada)
    expect(allow_button(page)).to_be_visible()
    page.route("**/api/authorizations", lose_response)
    allow_button(page).click()
    expect(page.get_by_role("status")).to_have_text(UNREACHABLE)
    page.unroute("**/api/authorizations")

    allow_button(page).click()

    # The session ended with the first consent.
    expect(page.get_by_role("status")).to_have_text(SIGNED_OUT)
    sign_in(page, ada)
    allow_button(page).click()
    assert "code" in arrival(page, application)


def test_second_click_sends_nothing(
    page: Page, application: Application, ada: Person, link: str
) -> None:
    page.goto(link)
    sign_in(page, ada)
    expect(allow_button(page)).to_be_visible()
    held: list[Route] = []
    page.route("**/api/authorizations", lambda route: held.append(route))
    with page.expect_request("**/api/authorizations"):
        allow_button(page).dblclick()

    expect(page.get_by_role("status")).to_have_text("Please wait…")
    refuse_button(page).click()
    page.keyboard.press("Enter")
    expect(refuse_button(page)).to_be_focused()
    (route,) = held
    route.continue_()

    assert "code" in arrival(page, application)
    assert len(held) == 1


def test_second_login_is_not_sent_while_the_first_one_waits(
    page: Page, ada: Person, link: str
) -> None:
    page.goto(link)
    held: list[Route] = []
    page.route("**/api/sessions", lambda route: held.append(route))
    with page.expect_request("**/api/sessions"):
        sign_in(page, ada)

    expect(page.get_by_role("status")).to_have_text("Please wait…")
    page.get_by_label("Password").press("Enter")
    page.get_by_role("button", name="Sign in").dblclick()
    (route,) = held
    route.continue_()

    expect(allow_button(page)).to_be_visible()
    assert len(held) == 1


def test_page_is_not_shown_in_a_frame(
    page: Page, application: Application, link: str, expected: Expected
) -> None:
    expected.messages.add("frame-ancestors")
    application.page = f'<iframe src="{link.replace("&", "&amp;")}"></iframe>'

    with page.expect_response("**/oauth/authorize?*") as response:
        page.goto(application.url)

    assert response.value.status == 200
    frame = page.frames[1]
    assert frame.url.startswith("chrome-error://")
    expect(frame.get_by_label("Password")).to_have_count(0)


def test_page_works_below_a_stage(
    shop: Shop, page: Page, application: Application, robot: Json, ada: Person
) -> None:
    url = serve_below_stage(shop, page, shop.url)
    page.goto(link_to(url, robot, f"{application.url}/callback"))

    sign_in(page, ada)
    allow_button(page).click()

    assert "code" in arrival(page, application)


def test_application_with_a_private_scheme_can_be_opened_by_a_tap(
    shop: Shop, page: Page, robot: Json, ada: Person, expected: Expected
) -> None:
    expected.messages.add("Failed to launch")  # this machine has no such application
    page.goto(link_to(shop.url, robot, "com.example.robot:/callback"))
    sign_in(page, ada)

    allow_button(page).click()

    link = page.get_by_role("link", name="Return to Invoice robot")
    expect(link).to_be_focused()
    target = urlsplit(link.get_attribute("href") or "")
    assert (target.scheme, target.path) == ("com.example.robot", "/callback")
    sent = dict(parse_qsl(target.query))
    assert exchange(shop, robot, sent["code"], "com.example.robot:/callback")["access_token"]
    assert len(session_ids(ada)) == 1


def test_pictures_of_the_page_are_small(
    shop: Shop, chromium: Browser, tmp_path: Path, pytestconfig: pytest.Config
) -> None:
    """Take the pictures of docs/sign-in-with-shop.md; `--pictures docs/images` replaces them."""
    folder = Path(pytestconfig.getoption("--pictures", default=None) or tmp_path)
    client = shop.oauth_client(
        name="Order book",
        homepage="https://orders.example",
        scopes=["openid", "profile", "orders:read"],
        grantTypes=["authorization_code", "refresh_token"],
    )
    ada = shop.sign_up(email="ada@example.com")
    for scheme in ("light", "dark"):
        page = chromium.new_page(
            viewport={"width": 390, "height": 540},
            device_scale_factor=2,
            color_scheme="dark" if scheme == "dark" else "light",
        )
        page.goto(link_to(shop.url, client, REDIRECT_URI, scope="openid profile orders:read"))
        sign_in(page, ada)
        expect(allow_button(page)).to_be_in_viewport(ratio=1)
        png = page.screenshot()
        page.goto("about:blank")

        picture = with_palette(page, png)

        assert len(picture) < 40_000
        (folder / f"sign-in-{scheme}.png").write_bytes(picture)
        page.close()
