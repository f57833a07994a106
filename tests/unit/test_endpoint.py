"""The HTTP edge applies every convention to every feature."""

import gzip
import json
from typing import Annotated, Any, Self

import pytest
from pydantic import Field

from shop.caller import Caller, Client
from shop.depends import Depends
from shop.entrypoints.http import endpoint
from shop.errors import Detail, NotFound, ServiceUnavailable
from shop.http.parameters import PathId
from shop.http.request_models import Body, Query
from shop.http.response_models import Resource, ResponseModel
from shop.idempotency import IdempotentRequest
from shop.preconditions import Precondition
from tests.support.fixtures import ADMIN, ALICE
from tests.support.gateway_events import Context, event
from tests.support.log_lines import LogLines

THING = "01900000-0000-7000-8000-000000000001"
CONTEXT = Context()


class ThingCreate(Body):
    name: Annotated[str, Field(min_length=1)]
    how_many: int = 1
    inner: "list[ThingCreate]" = []


class ThingQuery(Query):
    limit: Annotated[int, Field(ge=1, le=100)] = 20


class ThingResponse(Resource):
    resource_name = "thing"

    how_many: int

    @classmethod
    def of(cls, stored: Any) -> Self:
        return cls(id=THING, version=7, how_many=stored)


class TextResponse(ResponseModel):
    text: str


class Drawer:
    def __init__(self) -> None:
        self.opened = 0


DRAWER = Drawer()


@endpoint("POST /api/things", status=201)
def create(payload: ThingCreate, caller: Caller) -> ThingResponse:
    return ThingResponse.of(payload.how_many)


@endpoint("GET /api/things/{thingId}")
def read(thing_id: Annotated[str, PathId()], caller: Caller) -> ThingResponse:
    return ThingResponse.of(3)


@endpoint("GET /api/users/{userId}/things")
def listing(
    user_id: Annotated[str, PathId(me=True)], query: ThingQuery, caller: Caller
) -> TextResponse:
    return TextResponse(text=f"{user_id} {query.limit}")


@endpoint("DELETE /api/things/{thingId}")
def delete(
    thing_id: Annotated[str, PathId()], drawer: Annotated[Drawer, Depends(lambda: DRAWER)]
) -> None:
    drawer.opened += 1


@endpoint("GET /api/open")
def anyone(client: Client) -> TextResponse:
    return TextResponse(text=client.user_agent)


def respond(handler: Any, given: dict[str, Any]) -> tuple[int, dict[str, str], Any]:
    response = handler(given, CONTEXT)
    body = json.loads(response["body"]) if response["body"] else None
    return response["statusCode"], response["headers"], body


def assert_error(handler: Any, given: dict[str, Any], status: int, code: str) -> dict[str, Any]:
    got, headers, body = respond(handler, given)
    assert (got, body["error"]["code"]) == (status, code)
    assert body["error"]["requestId"] == headers["X-Request-Id"]
    assert headers["Cache-Control"] == "no-store"
    error: dict[str, Any] = body["error"]
    return error


def posted(**given: Any) -> dict[str, Any]:
    return event("POST /api/things", caller=ALICE, **given)


def test_created_resource_has_camel_case_a_location_and_a_strong_entity_tag() -> None:
    status, headers, body = respond(create, posted(body={"name": "x", "howMany": 2}))

    assert (status, body) == (201, {"id": THING, "howMany": 2})
    assert headers["Location"] == f"/local/api/things/{THING}"
    assert headers["ETag"] == '"7"'
    assert headers["Content-Type"] == "application/json"
    assert headers["Cache-Control"] == "no-store"


def test_every_response_has_security_headers_and_its_request_id() -> None:
    for given, handler in [(event("GET /api/open"), anyone), (posted(raw=b"{"), create)]:
        _, headers, _ = respond(handler, given)

        assert headers["Strict-Transport-Security"].startswith("max-age=63072000")
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["X-Frame-Options"] == "DENY"
        assert headers["Referrer-Policy"] == "no-referrer"
        assert headers["Content-Security-Policy"] == "default-src 'none'; frame-ancestors 'none'"
        assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
        assert headers["X-Request-Id"] == "11111111-2222-3333-4444-555555555555"


@pytest.mark.parametrize(
    ("origin", "allowed"),
    [
        ("https://shop.example", "https://shop.example"),
        ("https://admin.example", "https://admin.example"),
        ("https://evil.example", None),
        ("https://shop.example.evil.example", None),
        ("null", None),
        ("", None),
    ],
)
def test_responses_are_readable_by_origins_of_the_deployment_only(
    origin: str, allowed: str | None
) -> None:
    _, headers, _ = respond(anyone, event("GET /api/open", headers={"Origin": origin}))

    assert headers.get("Access-Control-Allow-Origin") == allowed
    assert headers["Vary"] == "Origin"
    assert "Idempotent-Replayed" in headers["Access-Control-Expose-Headers"]


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b" ",
        b"{",
        b"nope",
        b"{'name': 'x'}",
        b'{"name": NaN}',
        b'{"name": "x", "howMany": Infinity}',
        b'{"name": "x", "howMany": -Infinity}',
        b'{"name": "x", "name": "y"}',
        b'{"name": "x", "inner": [{"name": "x", "name": "y"}]}',
        b'{"name": "\xff"}',
        b'{"name": "\xc3"}',
        b'{"name": "\\ud800"}',
        b'{"\\ud800": 1}',
        b'\xef\xbb\xbf{"name": "x"}',
        b'{"name": "x"} {}',
        b'{"name": "a\nb"}',
        b"[" * 33 + b"]" * 33,
        b"[" * 100_000,
        b'{"inner":' * 33 + b"{}" + b"}" * 33,
    ],
)
def test_body_that_is_not_json_is_a_bad_request(raw: bytes) -> None:
    assert_error(create, posted(raw=raw), 400, "BAD_REQUEST")


def test_body_with_too_many_names_is_rejected_early() -> None:
    said = {f"name {number}": number for number in range(201)}

    assert_error(create, posted(raw=json.dumps(said).encode()), 400, "BAD_REQUEST")
    assert_error(create, posted(raw=json.dumps({"name": said}).encode()), 400, "BAD_REQUEST")
    del said["name 0"]
    assert_error(create, posted(raw=json.dumps(said).encode()), 422, "VALIDATION_ERROR")


def test_body_nested_32_levels_deep_is_accepted() -> None:
    body: dict[str, Any] = {"name": "x"}
    for _ in range(15):
        body = {"name": "x", "inner": [body]}

    status, _, _ = respond(create, posted(body=body))

    assert status == 201
    assert_error(
        create,
        posted(body={"name": "x", "inner": [{"name": "x", "inner": [body]}]}),
        400,
        "BAD_REQUEST",
    )


@pytest.mark.parametrize(
    "content_type",
    [
        *("text/plain", "application/xml", "application/jsonp", "", ";", "charset=utf-8"),
        *("application/json; charset=latin-1", "application/json;charset=utf-16"),
        *('application/json; odata=verbose; CHARSET="UTF-16"', "application/json; charset="),
        *(
            'application/json; a="\\"; charset=utf-8"; charset=utf-32',
            "application/json, text/plain",
        ),
        "application/merge-patch+json",
    ],
)
def test_body_of_another_type_is_rejected(content_type: str) -> None:
    given = posted(body={"name": "x"}, headers={"Content-Type": content_type})

    assert_error(create, given, 415, "UNSUPPORTED_MEDIA_TYPE")


@pytest.mark.parametrize(
    "content_type",
    [
        *("application/json", " application/json ", "application/json;", "application/json ; ;"),
        *("application/json; charset=utf-8", "Application/JSON;charset=UTF-8"),
        *("application/json;charset=utf8", 'application/json; Charset="utf-8"'),
        *("application/json;odata=verbose", "application/json; version=1; charset=utf-8"),
        *('application/json; a="; charset=utf-16"', "application/json; xcharset=utf-16"),
    ],
)
def test_media_type_parameters_are_ignored_except_a_foreign_charset(content_type: str) -> None:
    status, _, _ = respond(
        create, posted(body={"name": "x"}, headers={"content-type": content_type})
    )

    assert status == 201


@pytest.mark.parametrize("encoding", ["gzip", "br", "identity", "gzip, deflate"])
def test_body_with_a_content_encoding_is_an_unsupported_media_type(encoding: str) -> None:
    headers = {"Content-Encoding": encoding}

    error = assert_error(
        create, posted(raw=gzip.compress(b"{}"), headers=headers), 415, "UNSUPPORTED_MEDIA_TYPE"
    )

    assert error["message"] == "The body must be sent without a Content-Encoding."


def test_body_over_one_mebibyte_is_too_large() -> None:
    def body_of(size: int) -> bytes:
        return b'{"name": "x", "howMany": 1' + b" " * (size - 27) + b"}"

    assert respond(create, posted(raw=body_of(1024 * 1024)))[0] == 201
    assert_error(create, posted(raw=body_of(1024 * 1024 + 1)), 413, "PAYLOAD_TOO_LARGE")
    assert_error(create, posted(raw=body_of(3 * 1024 * 1024)), 413, "PAYLOAD_TOO_LARGE")


@pytest.mark.parametrize(
    ("body", "field", "code"),
    [
        ({}, "body.name", "missing"),
        ({"name": ""}, "body.name", "string_too_short"),
        ({"name": 7}, "body.name", "string_type"),
        ({"name": None}, "body.name", "string_type"),
        ({"name": "x", "howMany": "2"}, "body.howMany", "int_type"),
        ({"name": "x", "howMany": 2.5}, "body.howMany", "int_type"),
        ({"name": "x", "howMany": True}, "body.howMany", "int_type"),
        ({"name": "x", "how_many": 2}, "body.how_many", "extra_forbidden"),
        ({"name": "x", "admin": True}, "body.admin", "extra_forbidden"),
        ({"name": "x", "inner": [{"name": "y"}, {}]}, "body.inner.1.name", "missing"),
        ([], "body", "model_type"),
        ("x", "body", "model_type"),
    ],
)
def test_body_errors_name_their_fields(body: object, field: str, code: str) -> None:
    error = assert_error(create, posted(body=body), 422, "VALIDATION_ERROR")

    assert (field, code) in [(detail["field"], detail["code"]) for detail in error["details"]]


def test_error_never_repeats_input_and_stays_small() -> None:
    body = {f"secret{number}": "hunter2" for number in range(5000)}

    response = create(posted(body=body), CONTEXT)

    assert "hunter2" not in response["body"]
    assert len(response["body"]) < 20_000


def test_path_and_query_are_typed_and_me_is_the_caller() -> None:
    route = "GET /api/users/{userId}/things"

    def listed(user: str, **query: str) -> dict[str, Any]:
        return event(route, {"userId": user}, query=query, caller=ALICE)

    assert respond(listing, listed("me", limit="5"))[2] == {"text": f"{ALICE.id} 5"}
    assert respond(listing, listed(ADMIN.id))[2] == {"text": f"{ADMIN.id} 20"}
    assert_error(listing, listed("you"), 404, "NOT_FOUND")
    for wrong in ("0", "101", "x", "", "1.5", "-1"):
        error = assert_error(listing, listed("me", limit=wrong), 422, "VALIDATION_ERROR")
        assert error["details"][0]["field"] == "query.limit"


def test_id_in_upper_case_is_the_same_resource_in_lower_case() -> None:
    route = "POST /api/users/{userId}/things"
    keys = []

    @endpoint(route, status=201)
    def create_below(
        user_id: Annotated[str, PathId(me=True)],
        payload: ThingCreate,
        caller: Caller,
        idempotency: IdempotentRequest,
    ) -> ThingResponse:
        keys.append(idempotency.key)
        return ThingResponse.of(1)

    for user in (ALICE.id, ALICE.id.upper()):
        given = event(
            route,
            {"userId": user},
            body={"name": "x"},
            caller=ALICE,
            headers={"Idempotency-Key": "k"},
        )
        status, headers, _ = respond(create_below, given)
        assert status == 201
        assert headers["Location"] == f"/local/api/users/{ALICE.id}/things/{THING}"

    assert keys == [f"{ALICE.id}#POST#/api/users/{ALICE.id}/things#k"] * 2


def test_unknown_path_is_404_for_any_other_input() -> None:
    @endpoint("PATCH /api/things/{thingId}")
    def update(
        payload: ThingCreate,
        precondition: Precondition,
        thing_id: Annotated[str, PathId()],
        caller: Caller,
    ) -> ThingResponse:
        return ThingResponse.of(1)

    route, headers = "PATCH /api/things/{thingId}", {"If-Match": "x", "Content-Type": "text/plain"}
    given = event(route, {"thingId": "1"}, body={}, headers=headers, caller=ALICE)

    assert_error(update, given, 404, "NOT_FOUND")


@pytest.mark.parametrize("path", ["//api/things", "/\\api//things/", "/api///things"])
def test_location_has_one_slash_for_any_requested_path(path: str) -> None:
    given = posted(body={"name": "x"})
    given["requestContext"]["path"] = path

    assert respond(create, given)[1]["Location"] == f"/api/things/{THING}"


def test_page_ignores_query_parameters_and_serves_head_like_get() -> None:
    @endpoint("GET /page", is_page=True)
    def page() -> TextResponse:
        return TextResponse(text="x")

    expected = page(event("GET /page"), CONTEXT)
    assert expected["statusCode"] == 200

    for method in ("GET", "HEAD"):
        given = event(f"{method} /page")
        given["multiValueQueryStringParameters"] = {"utm_source": ["mail"], "x": ["1", "2"]}
        assert page(given, CONTEXT) == expected


def test_unknown_query_parameter_is_named_and_rejected_everywhere() -> None:
    for handler, given in [
        (
            listing,
            event(
                "GET /api/users/{userId}/things",
                {"userId": "me"},
                query={"limitt": "5"},
                caller=ALICE,
            ),
        ),
        (
            read,
            event(
                "GET /api/things/{thingId}", {"thingId": THING}, query={"limitt": "5"}, caller=ALICE
            ),
        ),
        (create, posted(body={"name": "x"}, query={"limitt": "5"})),
    ]:
        error = assert_error(handler, given, 422, "VALIDATION_ERROR")
        assert [detail["field"] for detail in error["details"]] == ["query.limitt"]


def test_repeated_query_parameter_is_rejected() -> None:
    given = event("GET /api/users/{userId}/things", {"userId": "me"}, caller=ALICE)
    given["multiValueQueryStringParameters"] = {"limit": ["1", "2"]}

    error = assert_error(listing, given, 422, "VALIDATION_ERROR")

    assert error["details"][0]["code"] == "repeated"


def test_alias_me_without_a_caller_is_unauthorized() -> None:
    given = event("GET /api/users/{userId}/things", {"userId": "me"})

    assert_error(listing, given, 401, "UNAUTHORIZED")


@pytest.mark.parametrize("role", ["", "root", "ADMIN"])
def test_foreign_authorizer_context_is_unauthorized(role: str) -> None:
    given = event("GET /api/things/{thingId}", {"thingId": THING}, caller=ADMIN)
    given["requestContext"]["authorizer"]["role"] = role

    assert_error(read, given, 401, "UNAUTHORIZED")


@pytest.mark.parametrize(
    ("if_none_match", "status"),
    [
        *(('"7"', 304), ('W/"7"', 304), ('"1", "7"', 304), ("*", 304), ('"8"', 200), ('"77"', 200)),
        *(('"7",', 304), (', "7"', 304), (',,"1" ,, "7" , ,', 304), ('"8",', 200), ('"1,7"', 200)),
    ],
)
def test_unchanged_resource_is_304(if_none_match: str, status: int) -> None:
    given = event(
        "GET /api/things/{thingId}",
        {"thingId": THING},
        caller=ALICE,
        headers={"If-None-Match": if_none_match},
    )

    got, headers, body = respond(read, given)

    assert got == status
    assert headers["ETag"] == '"7"'
    assert (body is None) == (status == 304)


@pytest.mark.parametrize(
    "if_none_match", ["7", '"7', "", ",", "*,", '*, "7"', '"7" "8"', '"a"b"', '"7",8']
)
def test_malformed_precondition_is_a_bad_request(if_none_match: str) -> None:
    given = event(
        "GET /api/things/{thingId}",
        {"thingId": THING},
        caller=ALICE,
        headers={"If-None-Match": if_none_match},
    )

    assert_error(read, given, 400, "BAD_REQUEST")


def test_empty_result_is_204_without_a_body() -> None:
    before = DRAWER.opened

    response = delete(event("DELETE /api/things/{thingId}", {"thingId": THING}), CONTEXT)

    assert (response["statusCode"], response["body"]) == (204, "")
    assert "Content-Type" not in response["headers"]
    assert DRAWER.opened == before + 1


def test_public_responses_are_cacheable_with_revalidation_and_others_not() -> None:
    assert respond(anyone, event("GET /api/open"))[1]["Cache-Control"] == "no-cache"
    given = event("GET /api/things/{thingId}", {"thingId": THING}, caller=ALICE)
    assert respond(read, given)[1]["Cache-Control"] == "no-store"


def test_errors_are_rendered_with_details_and_retry_after() -> None:
    @endpoint("GET /api/open")
    def busy() -> TextResponse:
        raise ServiceUnavailable(details=[Detail("database", "unavailable", "…")], retry_after=5)

    error = assert_error(busy, event("GET /api/open"), 503, "SERVICE_UNAVAILABLE")
    _, headers, _ = respond(busy, event("GET /api/open"))

    assert headers["Retry-After"] == "5"
    assert error["details"] == [{"field": "database", "code": "unavailable", "message": "…"}]
    assert not any(word in json.dumps(error) for word in ("Traceback", "File"))


def test_unhandled_exception_is_logged_with_its_stack_and_hidden_from_clients(
    log: LogLines,
) -> None:
    @endpoint("GET /api/open")
    def broken() -> TextResponse:
        raise RuntimeError("table shop-users is on fire")

    response = broken(event("GET /api/open"), CONTEXT)

    assert response["statusCode"] == 500
    assert "fire" not in response["body"] and "RuntimeError" not in response["body"]
    assert any("on fire" in line.get("exception", "") for line in log())


def test_invalid_response_model_is_a_500() -> None:
    @endpoint("GET /api/open")
    def wrong() -> TextResponse:
        return ThingResponse.of(1)  # type: ignore[return-value]  # the mistake under test

    assert_error(wrong, event("GET /api/open"), 500, "INTERNAL_ERROR")


def test_each_request_logs_one_line_without_body_or_token(
    log: LogLines,
) -> None:
    given = posted(body={"name": "hunter2"}, headers={"Authorization": "Bearer aaa.bbb.ccc"})

    create(given, CONTEXT)

    (line,) = log()
    assert line["message"] == "request"
    assert (line["route"], line["status"]) == ("POST /api/things", 201)
    assert line["caller_id"] == ALICE.id
    assert line["request_id"] == "11111111-2222-3333-4444-555555555555"
    assert line["milliseconds"] >= 0
    assert isinstance(line["cold_start"], bool)
    assert "hunter2" not in str(line) and "aaa.bbb.ccc" not in str(line)


def test_first_request_of_a_sandbox_is_its_cold_start(
    log: LogLines,
) -> None:
    @endpoint("GET /api/open")
    def fresh() -> TextResponse:
        raise NotFound

    fresh(event("GET /api/open"), CONTEXT)
    fresh(event("GET /api/open"), CONTEXT)

    assert [line["cold_start"] for line in log()] == [True, False]


def test_lines_of_one_list_header_are_combined() -> None:
    given = event("GET /api/things/{thingId}", {"thingId": THING}, caller=ALICE)
    given["multiValueHeaders"] = {"If-None-Match": ['"1"'], "if-none-match": ['"2"', '"7",']}

    assert respond(read, given)[0] == 304

    given["multiValueHeaders"]["If-None-Match"] = ["*"]
    assert_error(read, given, 400, "BAD_REQUEST")


@pytest.mark.parametrize(
    ("keys", "key"), [(["a", "a"], "a"), (["a", "b"], None), (["a", ""], None), (["a,b"], "a,b")]
)
def test_different_idempotency_keys_in_one_request_are_rejected(
    keys: list[str], key: str | None
) -> None:
    @endpoint("POST /api/things", status=201)
    def once_only(
        payload: ThingCreate, caller: Caller, idempotency: IdempotentRequest
    ) -> ThingResponse:
        assert idempotency.key == f"{ALICE.id}#POST#/api/things#{key}"
        return ThingResponse.of(1)

    given = posted(body={"name": "x"})
    given["multiValueHeaders"]["Idempotency-Key"] = keys

    if key is None:
        assert_error(once_only, given, 400, "BAD_REQUEST")
    else:
        assert respond(once_only, given)[0] == 201


def test_headers_are_read_from_single_value_events() -> None:
    given = posted(body={"name": "x"})
    del given["multiValueHeaders"]

    assert respond(create, given)[0] == 201


@pytest.mark.parametrize("key", ["", "x" * 256, "with space", "ünï", "a\tb"])
def test_malformed_idempotency_key_is_a_bad_request(key: str) -> None:
    @endpoint("POST /api/things", status=201)
    def once_only(
        payload: ThingCreate, caller: Caller, idempotency: IdempotentRequest
    ) -> ThingResponse:
        return ThingResponse.of(1)

    given = posted(body={"name": "x"}, headers={"Idempotency-Key": key})

    assert_error(once_only, given, 400, "BAD_REQUEST")


def test_replayed_response_equals_the_first_byte_for_byte() -> None:
    stored: dict[str, Any] = {}

    @endpoint("POST /api/users/{userId}/things", status=201)
    def once_only(
        user_id: Annotated[str, PathId(me=True)],
        payload: ThingCreate,
        caller: Caller,
        idempotency: IdempotentRequest,
    ) -> ThingResponse:
        idempotency.replay_if_recorded(stored.get(idempotency.key or ""))
        record = idempotency.response_record(payload.how_many)
        assert record is not None
        stored[record.key] = record
        return ThingResponse.of(payload.how_many)

    def sent(user: str, raw: bytes, caller: Caller = ALICE) -> dict[str, Any]:
        given = event(
            "POST /api/users/{userId}/things",
            {"userId": user},
            raw=raw,
            caller=caller,
            headers={"Idempotency-Key": "k"},
        )
        response: dict[str, Any] = once_only(given, CONTEXT)
        return response

    first = sent("me", b'{"name": "x", "howMany": 2}')
    again = sent(ALICE.id, b'{ "howMany":2,"name":"x" }')
    other_body = sent("me", b'{"name": "x", "howMany": 3}')
    other_caller = sent(ALICE.id, b'{"name": "x", "howMany": 3}', caller=ADMIN)

    assert (again["statusCode"], again["body"]) == (first["statusCode"], first["body"])
    for name in ("Location", "ETag", "Cache-Control"):
        assert again["headers"][name] == first["headers"][name]
    assert again["headers"]["Idempotent-Replayed"] == "true"
    assert "Idempotent-Replayed" not in first["headers"]
    assert other_body["statusCode"] == 422
    assert json.loads(other_body["body"])["error"]["code"] == "IDEMPOTENCY_KEY_REUSED"
    assert "Idempotent-Replayed" not in other_caller["headers"]
    assert set(stored) == {
        f"{caller.id}#POST#/api/users/{ALICE.id}/things#k" for caller in (ALICE, ADMIN)
    }
