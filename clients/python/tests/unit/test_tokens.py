"""Tokens: renewal shared by threads and tasks, storages and sources."""

import asyncio
import base64
import gc
import logging
import stat
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier, Event, Lock
from types import SimpleNamespace
from typing import Any

import httpx2
import pytest
from scripted import LOST, PRODUCT, USER, Fake, grant, logged_in, page, rejection, reply

from shop_client import (
    AsyncShop,
    AuthorizationCode,
    ClientCredentials,
    InMemory,
    NoAnswer,
    Shop,
    ShopError,
    TokenFile,
    Tokens,
)
from shop_client.tokens import KnownTokens

REFUSED = rejection(401, "UNAUTHORIZED")
PARALLEL = 8
TOKEN = {"access_token": "access-new", "token_type": "Bearer", "expires_in": 900, "scope": "x"}


def test_rejected_token_is_renewed_and_the_request_sent_again(fake: Fake) -> None:
    storage = logged_in()
    fake.script(REFUSED, grant("new"), reply(USER), tokens=storage)

    fake.run(lambda shop: shop.users.get())

    assert fake.calls == ["GET /api/users/me", "POST /api/access-tokens", "GET /api/users/me"]
    assert fake.headers("Authorization") == ["Bearer access-old", None, "Bearer access-new"]
    assert fake.body(1) == {"refreshToken": "refresh-old"}
    assert storage.load() == Tokens("access-new", "refresh-new")


def test_request_without_tokens_is_not_renewed(fake: Fake) -> None:
    fake.script(REFUSED)

    with pytest.raises(ShopError):
        fake.run(lambda shop: shop.users.get())

    assert fake.headers("Authorization") == [None]


def test_wrong_credentials_renew_nothing(fake: Fake) -> None:
    fake.script(rejection(401, "INVALID_CREDENTIALS"), tokens=logged_in())

    with pytest.raises(ShopError):
        fake.run(lambda shop: shop.log_in(email="a@example.com", password="x"))


def test_login_saves_the_tokens(fake: Fake) -> None:
    storage = InMemory()
    fake.script(grant("new"), tokens=storage)

    session = fake.run(lambda shop: shop.log_in(email="a@example.com", password="x"))

    assert session.id == "s1"
    assert storage.load() == Tokens("access-new", "refresh-new")


def test_lost_renewal_is_retried_for_25_seconds(
    fake: Fake, monkeypatch: pytest.MonkeyPatch
) -> None:
    # After the rejection, before the renewal, and after each lost response
    clock = iter([0.0, 0.0, 24.7, 24.9] * 2)
    for module in ("_async", "_sync"):
        time = SimpleNamespace(monotonic=lambda: next(clock))
        monkeypatch.setattr(f"shop_client.{module}.time", time)
    fake.script(REFUSED, LOST, LOST, tokens=logged_in())

    with pytest.raises(NoAnswer):
        fake.run(lambda shop: shop.users.get())

    assert fake.calls[1:] == ["POST /api/access-tokens"] * 2


def test_rejected_renewal_ends_the_session_once(fake: Fake) -> None:
    storage, ended = logged_in(), []
    fake.script(
        *(REFUSED, REFUSED, REFUSED), tokens=storage, on_session_end=lambda: ended.append(1)
    )

    for _ in range(2):
        with pytest.raises(ShopError) as raised:
            fake.run(lambda shop: shop.users.get())

    assert raised.value.code == "UNAUTHORIZED"
    assert (storage.load(), ended) == (None, [1])
    assert fake.steps == []


def test_error_of_the_callback_changes_no_result(
    fake: Fake, caplog: pytest.LogCaptureFixture
) -> None:
    def fail() -> None:
        raise RuntimeError("of the program")

    fake.script(httpx2.Response(204), tokens=logged_in(), on_session_end=fail)

    fake.run(lambda shop: shop.log_out())

    assert [it.message for it in caplog.records] == ["on_session_end failed"]


def test_callback_of_tasks_may_be_awaited(waits: list[float]) -> None:
    ended: list[int] = []

    async def end() -> None:
        ended.append(1)

    fake = Fake("tasks", waits).script(httpx2.Response(204), tokens=logged_in(), on_session_end=end)

    fake.run(lambda shop: shop.log_out())

    assert ended == [1]


def test_callback_may_log_in_again(fake: Fake) -> None:
    storage = logged_in()
    steps = [REFUSED, REFUSED, grant("new"), REFUSED, grant("newer"), reply(USER)]

    def log_in() -> None:
        shop.log_in(email="a@example.com", password="x")
        shop.users.get()

    shop = Fake("threads", fake.waits).script(*steps[2:], tokens=storage).shop
    fake.script(*steps[:2], tokens=storage, on_session_end=log_in)

    with pytest.raises(ShopError):
        fake.run(lambda it: it.users.get())

    assert storage.load() == Tokens("access-newer", "refresh-newer")


def test_failed_renewal_keeps_the_session(fake: Fake) -> None:
    storage = logged_in()
    fake.script(REFUSED, rejection(500, "INTERNAL_ERROR"), tokens=storage)

    with pytest.raises(ShopError) as raised:
        fake.run(lambda shop: shop.users.get())

    assert raised.value.code == "INTERNAL_ERROR"
    assert storage.load() is not None


def test_tokens_of_another_process_are_used(fake: Fake) -> None:
    storage = logged_in()

    def renew_elsewhere(request: httpx2.Request) -> httpx2.Response:
        storage.save(Tokens("access-other", "refresh-other"))
        return REFUSED

    fake.script(renew_elsewhere, reply(USER), tokens=storage)
    fake.run(lambda shop: shop.users.get())
    fake.script(REFUSED, renew_elsewhere, reply(USER), tokens=storage)
    storage.save(Tokens("access-old", "refresh-old"))
    fake.run(lambda shop: shop.users.get())

    assert fake.headers("Authorization")[1] == "Bearer access-other"
    assert fake.headers("Authorization")[-1] == "Bearer access-other"
    assert storage.load() == Tokens("access-other", "refresh-other")


class Api:
    """An API whose spent token is rejected once all requests have arrived."""

    def __init__(self, renew: Callable[[], httpx2.Response]) -> None:
        self.renewals = 0
        self._lock = Lock()
        self._renew = renew

    def respond(self, request: httpx2.Request) -> httpx2.Response | None:
        """Return the response; None for a request with the spent token."""
        if request.url.path == "/api/access-tokens":
            with self._lock:
                self.renewals += 1
            return self._renew()
        fresh = request.headers["Authorization"] == "Bearer access-new"
        return reply(USER) if fresh else None


def in_threads(api: Api, **options: Any) -> list[Any]:
    barrier = Barrier(PARALLEL, timeout=60)

    def respond(request: httpx2.Request) -> httpx2.Response:
        response = api.respond(request)
        if response is None:
            barrier.wait()
            response = rejection(401, "UNAUTHORIZED")
        return response

    client = httpx2.Client(transport=httpx2.MockTransport(respond))
    shop = Shop("http://shop.test", http_client=client, tokens=logged_in(), **options)

    def get(_: int) -> Any:
        try:
            return shop.users.get().id
        except NoAnswer as error:
            return type(error)

    with ThreadPoolExecutor(PARALLEL) as pool:
        return list(pool.map(get, range(PARALLEL)))


def in_tasks(api: Api, **options: Any) -> list[Any]:
    async def run() -> list[Any]:
        barrier = asyncio.Barrier(PARALLEL)

        async def respond(request: httpx2.Request) -> httpx2.Response:
            response = api.respond(request)
            if response is None:
                await barrier.wait()
                response = rejection(401, "UNAUTHORIZED")
            elif request.url.path == "/api/access-tokens":
                while len(lock._waiters or ()) < PARALLEL - 1:  # until all others wait
                    await asyncio.sleep(0)
            return response

        client = httpx2.AsyncClient(transport=httpx2.MockTransport(respond))
        shop = AsyncShop("http://shop.test", http_client=client, tokens=logged_in(), **options)
        lock = shop._transport.io.lock
        gets = (shop.users.get() for _ in range(PARALLEL))
        found = await asyncio.gather(*gets, return_exceptions=True)
        return [type(it) if isinstance(it, BaseException) else it.id for it in found]

    return asyncio.run(run())


@pytest.mark.parametrize("together", [in_threads, in_tasks])
def test_parallel_requests_share_one_renewal(
    together: Callable[..., list[Any]], waits: list[float]
) -> None:
    api = Api(lambda: grant("new"))

    assert together(api) == ["u1"] * PARALLEL
    assert api.renewals == 1


def test_waiting_tasks_share_a_failed_renewal(waits: list[float]) -> None:
    api = Api(lambda: httpx2.Response(502))

    assert in_tasks(api, attempts=1) == [NoAnswer] * PARALLEL
    assert api.renewals == 1


def test_waiting_thread_shares_a_failed_renewal(waits: list[float]) -> None:
    renewing, waiting = Barrier(2, timeout=60), Barrier(2, timeout=60)

    def renew() -> httpx2.Response:
        renewing.wait()
        waiting.wait()
        return httpx2.Response(502)

    api = Api(renew)
    client = httpx2.Client(
        transport=httpx2.MockTransport(lambda it: api.respond(it) or rejection(401, "UNAUTHORIZED"))
    )
    shop = Shop("http://shop.test", http_client=client, tokens=logged_in(), attempts=1)
    lock = shop._transport.io.lock  # pyright: ignore[reportPrivateUsage]

    class Observed:
        """Let the renewal end once the other thread is about to wait for the lock."""

        entries = 0

        def __enter__(self) -> None:
            Observed.entries += 1
            if Observed.entries == 2:
                waiting.wait()
            lock.acquire()

        def __exit__(self, *error: object) -> None:
            lock.release()

    shop._transport.io.lock = Observed()  # type: ignore[assignment]

    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(shop.users.get)
        renewing.wait()
        second = pool.submit(shop.users.get)
        errors = [first.exception(), second.exception()]

    assert [type(it) for it in errors] == [NoAnswer] * 2
    assert errors[0] is not errors[1]
    assert str(errors[0]) == str(errors[1])
    assert api.renewals == 1


class Renewing:
    """An API that renews the tokens, and sends them once the test allows it."""

    def __init__(self, response: httpx2.Response) -> None:
        self.begun = asyncio.Event()
        self.allowed = asyncio.Event()
        self.renewals = 0
        self._response = response

    async def respond(self, request: httpx2.Request) -> httpx2.Response:
        if request.url.path != "/api/access-tokens":
            fresh = request.headers["Authorization"] == "Bearer access-new"
            return reply(USER) if fresh else rejection(401, "UNAUTHORIZED")
        self.renewals += 1
        self.begun.set()
        await self.allowed.wait()
        return self._response

    def shop(self, storage: InMemory) -> AsyncShop:
        client = httpx2.AsyncClient(transport=httpx2.MockTransport(self.respond))
        return AsyncShop("http://shop.test", http_client=client, tokens=storage, attempts=1)


def test_renewal_of_a_cancelled_task_keeps_the_session(waits: list[float]) -> None:
    async def run() -> None:
        api, storage = Renewing(grant("new")), logged_in()
        shop = api.shop(storage)
        first, second = (asyncio.create_task(shop.users.get()) for _ in range(2))
        await api.begun.wait()
        first.cancel()
        with pytest.raises(asyncio.CancelledError):
            await first
        api.allowed.set()

        assert (await second).id == "u1"
        assert api.renewals == 1
        assert storage.load() == Tokens("access-new", "refresh-new")

    asyncio.run(run())


def test_closing_waits_for_the_renewal_of_a_cancelled_task(waits: list[float]) -> None:
    async def run() -> None:
        api, storage = Renewing(grant("new")), logged_in()
        async with api.shop(storage) as shop:
            request = asyncio.create_task(shop.users.get())
            await api.begun.wait()
            request.cancel()
            await asyncio.wait([request])
            api.allowed.set()

        assert storage.load() == Tokens("access-new", "refresh-new")

    asyncio.run(run())


def test_failed_renewal_of_a_cancelled_task_is_not_logged(
    waits: list[float], caplog: pytest.LogCaptureFixture
) -> None:
    async def run() -> None:
        api = Renewing(httpx2.Response(502))
        async with api.shop(logged_in()) as shop:
            request = asyncio.create_task(shop.users.get())
            await api.begun.wait()
            request.cancel()
            await asyncio.wait([request])
            api.allowed.set()

    asyncio.run(run())
    gc.collect()

    assert caplog.records == []


class Failing:
    """A storage that is full or blocked."""

    def __init__(self) -> None:
        self.tokens: Tokens | None = None
        self.is_broken = True

    def load(self) -> Tokens | None:
        if self.is_broken:
            raise OSError("blocked")
        return self.tokens

    def save(self, tokens: Tokens | None) -> None:
        if self.is_broken:
            raise OSError("full")
        self.tokens = tokens


def test_tokens_stay_in_memory_if_the_storage_fails(
    fake: Fake, caplog: pytest.LogCaptureFixture
) -> None:
    storage = Failing()
    steps = [grant("new"), reply(USER), REFUSED, grant("newer"), reply(USER)]
    fake.script(*steps, tokens=storage)

    fake.run(lambda shop: shop.log_in(email="a@example.com", password="x"))
    fake.run(lambda shop: shop.users.get())
    storage.is_broken = False
    fake.run(lambda shop: shop.users.get())

    assert fake.headers("Authorization")[1] == "Bearer access-new"
    assert storage.tokens == Tokens("access-newer", "refresh-newer")
    assert {it.levelno for it in caplog.records} == {logging.WARNING}
    assert "access-new" not in caplog.text


class Coroutines:
    """A storage that is awaited."""

    def __init__(self) -> None:
        self.tokens: Tokens | None = Tokens("access-old", "refresh-old")

    async def load(self) -> Tokens | None:
        return self.tokens

    async def save(self, tokens: Tokens | None) -> None:
        self.tokens = tokens


def test_storage_of_tasks_may_be_awaited(waits: list[float]) -> None:
    storage = Coroutines()
    fake = Fake("tasks", waits).script(REFUSED, grant("new"), reply(USER), tokens=storage)

    fake.run(lambda shop: shop.users.get())

    assert storage.tokens == Tokens("access-new", "refresh-new")


def test_login_during_a_renewal_keeps_its_tokens(waits: list[float]) -> None:
    storage = logged_in()
    shop: Shop

    class Slow:
        """A storage in whose first load after the renewal another thread logs in."""

        loads = 0

        def load(self) -> Tokens | None:
            self.loads += 1
            found = storage.load()
            if self.loads == 3:
                with ThreadPoolExecutor(1) as pool:
                    login = {"email": "b@example.com", "password": "x"}
                    pool.submit(shop.log_in, **login).result()
            return found

        def save(self, tokens: Tokens | None) -> None:
            storage.save(tokens)

    fake = Fake("threads", waits)
    shop = fake.script(REFUSED, grant("new"), grant("other"), reply(USER), tokens=Slow()).shop

    shop.users.get()

    assert storage.load() == Tokens("access-other", "refresh-other")
    assert fake.headers("Authorization")[-1] == "Bearer access-other"


def test_storage_keeps_the_newest_login(waits: list[float]) -> None:
    begun, overtaken = Event(), Event()

    class Slow(InMemory):
        """A storage whose first save ends after the second."""

        def save(self, tokens: Tokens | None) -> None:
            if tokens == Tokens("access-1", "refresh-1"):
                begun.set()
                assert overtaken.wait(60)
            super().save(tokens)

    storage = Slow()
    shop = Fake("threads", waits).script(grant("1"), grant("2"), tokens=storage).shop
    login = {"email": "a@example.com", "password": "x"}

    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(shop.log_in, **login)
        assert begun.wait(60)
        shop.log_in(**login)
        overtaken.set()
        first.result()

    assert storage.load() == Tokens("access-2", "refresh-2")


def test_overtaken_save_is_repeated_with_the_newest_tokens() -> None:
    known = KnownTokens()
    first, second = Tokens("access-1"), Tokens("access-2")

    assert known.before_save(first, None) == (1, first)
    assert known.before_save(second, None) == (2, second)
    assert known.after_save(2) is None
    assert known.after_save(1) == (2, second)
    assert known.before_save(None, replaced=first) is None
    assert known.tokens == second


def test_token_file_belongs_to_its_owner(tmp_path: Path) -> None:
    path = tmp_path / "config/shop/tokens.json"
    storage = TokenFile(path)
    tokens = Tokens("access-1", "refresh-1")

    assert storage.load() is None
    storage.save(Tokens("access-0"))
    storage.save(tokens)

    assert TokenFile(str(path)).load() == tokens
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [*path.parent.iterdir()] == [path]
    storage.save(None)
    storage.save(None)
    assert storage.load() is None


def test_failed_save_leaves_no_file(tmp_path: Path) -> None:
    folder = tmp_path / "tokens"
    (folder / "x").mkdir(parents=True)

    with pytest.raises(OSError):
        TokenFile(folder).save(Tokens("access-1"))

    assert [*tmp_path.iterdir()] == [folder]


def test_tokens_hide_their_text() -> None:
    sources = (ClientCredentials("id", "secret-1", "x"), AuthorizationCode("id", "secret-1"))

    assert repr(Tokens("access-1", "refresh-1")) == "Tokens()"
    assert "secret-1" not in repr(sources)


def test_service_gets_and_renews_a_token_of_its_own(fake: Fake) -> None:
    source = ClientCredentials("id", "a secret/1", scope="admin:orders:read")
    token = reply(TOKEN)
    fake.script(token, LOST, page([]), REFUSED, token, page([]), token_source=source)

    for _ in range(2):
        fake.run(lambda shop: shop.orders.list_all())

    basic = "Basic " + base64.b64encode(b"id:a%20secret%2F1").decode()
    bearer = "Bearer access-new"
    assert fake.headers("Authorization") == [basic, bearer, bearer, bearer, basic, bearer]
    assert fake.requests[0].content == b"grant_type=client_credentials&scope=admin%3Aorders%3Aread"


def test_service_with_a_wrong_secret_gets_the_error(fake: Fake) -> None:
    body = {"error": "invalid_client", "error_description": "Unknown client."}
    fake.script(reply(body, 401), token_source=ClientCredentials("id", "x", scope="x"))

    with pytest.raises(ShopError) as raised:
        fake.run(lambda shop: shop.orders.list_all())

    assert (raised.value.code, raised.value.status) == ("invalid_client", 401)


def test_application_renews_by_its_refresh_token(fake: Fake) -> None:
    storage = logged_in()
    renewed = reply(TOKEN | {"refresh_token": "refresh-new"})
    fake.script(
        REFUSED, renewed, reply(PRODUCT), tokens=storage, token_source=AuthorizationCode("id")
    )

    fake.run(lambda shop: shop.products.get("p1"))

    assert fake.requests[1].content == (
        b"client_id=id&grant_type=refresh_token&refresh_token=refresh-old"
    )
    assert storage.load() == Tokens("access-new", "refresh-new")


def test_refresh_token_without_a_successor_stays_valid(fake: Fake) -> None:
    storage, source = logged_in(), AuthorizationCode("id")
    fake.script(REFUSED, reply(TOKEN), reply(PRODUCT), tokens=storage, token_source=source)

    fake.run(lambda shop: shop.products.get("p1"))

    assert storage.load() == Tokens("access-new", "refresh-old")


def test_application_without_a_valid_grant_is_signed_out(fake: Fake) -> None:
    storage = logged_in()
    body = {"error": "invalid_grant", "error_description": "Revoked."}
    fake.script(
        REFUSED, reply(body, 400), tokens=storage, token_source=AuthorizationCode("id", "x")
    )

    with pytest.raises(ShopError) as raised:
        fake.run(lambda shop: shop.products.get("p1"))

    assert (raised.value.code, storage.load()) == ("UNAUTHORIZED", None)


def test_application_without_a_refresh_token_is_signed_out(fake: Fake) -> None:
    storage = InMemory(Tokens("access-old"))
    fake.script(REFUSED, tokens=storage, token_source=AuthorizationCode("id"))

    with pytest.raises(ShopError):
        fake.run(lambda shop: shop.products.get("p1"))

    assert storage.load() is None
