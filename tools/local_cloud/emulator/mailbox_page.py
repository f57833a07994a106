"""Mailbox page: the emails sent in the local cloud, rendered, with their links."""

import re
from collections.abc import Sequence
from html import escape
from html.parser import HTMLParser
from urllib.parse import parse_qs, urlencode

import ministack.app

from tools.local_cloud.emulator.front_door import AsgiEvent, Receive, Send
from tools.local_cloud.mailbox import MESSAGES_PATH, PAGE_PATH, Message, read_messages

MAX_MESSAGES = 50
# Emails contain users' text, so neither the page nor a frame (which inherits the policy) may run
# scripts, load resources or submit forms.
POLICY = "; ".join(
    ["default-src 'none'", "style-src 'unsafe-inline'", "base-uri 'none'", "form-action 'none'"]
    + ["frame-ancestors 'none'"]
)
HEADERS = {
    "Content-Type": "text/html; charset=utf-8",
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}
# Allow links to open a new tab; deny everything else, including the page's own origin.
SANDBOX = "allow-popups allow-popups-to-escape-sandbox"
_URL = re.compile(r"https?://[^\s<>\"']+")

_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>Mailbox ({count})</title><style>
body {{ max-width: 48rem; margin: 2rem auto; padding: 0 1rem; font: 16px/1.5 sans-serif }}
article {{ margin: 2rem 0; padding: 1rem; border: 1px solid #bbb; border-radius: 8px }}
h2 {{ margin: 0; font-size: 1.2rem }}
dl {{ display: grid; grid-template-columns: max-content auto; gap: 0 1rem; margin: .5rem 0 }}
dd {{ margin: 0; overflow-wrap: anywhere }}
iframe {{ width: 100%; height: 24rem; border: 1px solid #ddd; background: #fff }}
pre {{ white-space: pre-wrap; overflow-wrap: anywhere }}
</style></head><body>
<h1>Mailbox</h1>
<p>{summary} <a href="{path}">Reload</a> · <a href="{json}">JSON</a></p>
{messages}
</body></html>
"""


class MailboxPage:
    """ASGI application: the mailbox page at its path, and ministack for all other requests."""

    def __init__(self) -> None:
        self._cloud = ministack.app.app

    async def __call__(self, scope: AsgiEvent, receive: Receive, send: Send) -> None:
        is_page = scope["type"] == "http" and scope["path"] == PAGE_PATH
        if not is_page or scope["method"] != "GET":
            await self._cloud(scope, receive, send)
            return
        content = await self._messages(scope)
        query = parse_qs(scope["query_string"].decode("ascii", errors="replace"))
        body = render(read_messages(content), query.get("to", [""])[0]).encode()
        headers = [(name.encode(), value.encode()) for name, value in HEADERS.items()]
        headers.append((b"Content-Length", str(len(body)).encode()))
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    async def _messages(self, scope: AsgiEvent) -> bytes:
        """Return ministack's list of all emails, as JSON."""
        body = bytearray()

        async def receive() -> AsgiEvent:
            return {"type": "http.request", "body": b"", "more_body": False}

        async def send(event: AsgiEvent) -> None:
            body.extend(event.get("body", b""))

        raw_path = MESSAGES_PATH.encode()
        listing = {**scope, "path": MESSAGES_PATH, "raw_path": raw_path, "query_string": b""}
        await self._cloud(listing, receive, send)
        return bytes(body)


def render(messages: Sequence[Message], to: str = "") -> str:
    """Render the newest messages, newest first; ``to`` selects one recipient."""
    found = [it for it in messages if not to or to in it.to]
    newest = found[: -MAX_MESSAGES - 1 : -1]
    summary = f"{len(found)} emails" if len(found) != 1 else "1 email"
    if to:
        summary += f' to {escape(to)} (<a href="{PAGE_PATH}">all</a>)'
    if len(found) > MAX_MESSAGES:
        summary += f", of which these are the newest {MAX_MESSAGES}"
    return _PAGE.format(
        count=len(found),
        summary=f"{summary}.",
        path=escape(_page_path(to) if to else PAGE_PATH),
        json=MESSAGES_PATH,
        messages="\n".join(_render_message(it) for it in newest),
    )


def links(message: Message) -> list[tuple[str, str]]:
    """Return (URL, label) of each distinct http link of an email, in order."""
    reader = _LinkReader()
    reader.feed(message.html)
    reader.close()
    urls = {url: label.strip() or url for url, label in reader.found}
    for url in _URL.findall(message.text):
        urls.setdefault(url.rstrip(".,;:!?)"), url.rstrip(".,;:!?)"))
    return list(urls.items())


def _render_message(message: Message) -> str:
    recipients = ", ".join(
        f'<a href="{escape(_page_path(it))}">{escape(it)}</a>' for it in message.to
    )
    listed = "".join(
        f'<li><a href="{escape(url)}" target="_blank" rel="noopener noreferrer">'
        f"{escape(label)}</a></li>"
        for url, label in links(message)
    )
    html = (
        f'<iframe sandbox="{SANDBOX}" loading="lazy" title="The email as HTML" '
        f'srcdoc="{escape("<base target=_blank>" + message.html)}"></iframe>'
        if message.html
        else ""
    )
    return (
        f"<article><h2>{escape(message.subject)}</h2><dl>"
        f"<dt>From</dt><dd>{escape(message.sender)}</dd><dt>To</dt><dd>{recipients}</dd>"
        f"<dt>Sent</dt><dd>{message.sent_at:%Y-%m-%d %H:%M:%S} UTC</dd></dl>"
        f"{html}{f'<p>Links:</p><ul>{listed}</ul>' if listed else ''}"
        f"<details{'' if html else ' open'}><summary>As text</summary>"
        f"<pre>{escape(message.text)}</pre></details></article>"
    )


def _page_path(to: str) -> str:
    return f"{PAGE_PATH}?{urlencode({'to': to})}"


class _LinkReader(HTMLParser):
    """Collect the http targets of ``<a>`` elements with their text."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, str]] = []
        self._is_inside = False

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        if tag != "a":
            return
        url = dict(attributes).get("href") or ""
        self._is_inside = _URL.fullmatch(url) is not None
        if self._is_inside:
            self.found.append((url, ""))

    def handle_endtag(self, tag: str) -> None:
        if tag == "a":
            self._is_inside = False

    def handle_data(self, data: str) -> None:
        if self._is_inside:
            url, label = self.found[-1]
            self.found[-1] = (url, label + data)
