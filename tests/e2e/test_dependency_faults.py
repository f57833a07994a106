"""Responses while a dependency denies, damages or throttles calls, or is unreachable."""

from collections.abc import Iterator

import pytest

from tests.support.dependency_failures import (
    ROUTES,
    assert_authorizer_failed_by_itself,
    assert_no_lambda_timeout,
    assert_retryable_503,
    requests,
)
from tests.support.deployed_shop import Person, Shop, error_of, gather
from tests.support.fault_proxy import (
    DYNAMODB,
    PARAMETERS,
    QUEUES,
    READS,
    SECRETS,
    Fault,
    FaultProxy,
    cut,
    cut_off,
    damaged,
    dripping,
    flipped,
    never_arrived,
    no_json,
    no_response,
    response_lost,
    service_error,
)
from tests.support.fixtures import PASSWORD
from tests.support.log_groups import Logs
from tests.support.recovery_tokens import reset_request_limits
from tests.support.sent_emails import RESET, VERIFICATION, Mail

# The throttling error of each service.
THROTTLES = {
    DYNAMODB: "ProvisionedThroughputExceededException",
    SECRETS: "ThrottlingException",
    PARAMETERS: "ThrottlingException",
    QUEUES: "RequestThrottled",
}
# Except /ready, which caches its result for 5 s.
GETS = [route for route in ROUTES if route.startswith("GET ") and route != "GET /ready"]


def faults_of(service: str) -> dict[str, Fault]:
    """Return every kind of failure that needs no long wait."""
    every: dict[str, Fault] = {
        "throttled": service_error(THROTTLES[service]),
        "failing": service_error("InternalServerError", 500),
        "denied": service_error("AccessDeniedException"),
        "expired": service_error("ExpiredTokenException"),
        "breaking": never_arrived,
        "cut": damaged(cut),
        "cut off": cut_off,
        "no JSON": damaged(no_json),
    }
    # Only DynamoDB's responses have a checksum.
    return every | ({"another letter": damaged(flipped)} if service == DYNAMODB else {})


# Failures that a retry resolves.
PASSING = ("throttled", "failing", "breaking", "cut", "cut off", "no JSON", "another letter")


@pytest.fixture
def admin(shop: Shop) -> Person:
    """A new login, so that the gateway caches the authorizer's result for 50 s more."""
    known = shop.stack.info.admin
    assert known is not None
    return shop.log_in(known.email, known.password)


@pytest.fixture
def mail(shop: Shop) -> Iterator[Mail]:
    reset_request_limits(shop)
    mail = Mail(shop)
    yield mail
    mail.wait_until_idle()


def new_token(shop: Shop, person: Person) -> str:
    """Return an unused token, for which the gateway has no cached authorizer result."""
    body = {"email": person.email, "password": PASSWORD}
    token: str = shop.anonymous.post("/api/sessions", json=body).json()["accessToken"]
    return token


# DynamoDB


@pytest.mark.parametrize("kind", ["denied", "expired"])
def test_every_route_gets_503_while_credentials_are_denied_or_expired(
    shop: Shop, faults: FaultProxy, admin: Person, kind: str
) -> None:
    sent = requests(shop, admin, ROUTES)
    before, logs = shop.everything(), Logs(shop)

    with faults.on(faults_of(DYNAMODB)[kind]):
        responses = gather(len(sent), lambda number: sent[number]())

    for response in responses:
        assert_retryable_503(response)
    assert_no_lambda_timeout(logs, responses)
    assert shop.everything() == before


@pytest.mark.parametrize("kind", ["cut", "cut off", "no JSON", "another letter"])
def test_damaged_response_is_neither_returned_nor_read_as_empty(
    shop: Shop, faults: FaultProxy, admin: Person, kind: str
) -> None:
    sent = requests(shop, admin, GETS)

    with faults.on(faults_of(DYNAMODB)[kind], *READS):
        responses = gather(len(sent), lambda number: sent[number]())

    for response in responses:
        assert_retryable_503(response)
    # The sandboxes that failed continue to serve.
    for again in gather(len(sent), lambda number: sent[number]()):
        assert again.status_code == 200, again.text


@pytest.mark.parametrize("kind", PASSING)
def test_single_failure_is_retried_without_an_effect_on_clients(
    shop: Shop, faults: FaultProxy, admin: Person, kind: str
) -> None:
    person = shop.sign_up()
    product = shop.product()

    with faults.on(faults_of(DYNAMODB)[kind], "GetItem", times=1) as reads:
        assert person.http.get("/api/users/me").status_code == 200
    with faults.on(faults_of(DYNAMODB)[kind], "TransactWriteItems", times=1) as writes:
        assert person.order((product["id"], 3)).status_code == 201

    assert len(reads) == len(writes) == 1
    assert shop.stock(product) == 7
    assert person.http.get("/api/users/me/orders").json()["meta"]["total"] in (0, 1)


@pytest.mark.parametrize("kind", ["cut", "cut off", "no JSON", "another letter"])
def test_order_with_damaged_responses_is_returned_to_the_retry(
    shop: Shop, faults: FaultProxy, kind: str
) -> None:
    person, product = shop.sign_up(), shop.product()

    with faults.on(faults_of(DYNAMODB)[kind], "TransactWriteItems"):
        assert_retryable_503(person.order((product["id"], 3), key="k"))
    again = person.order((product["id"], 3), key="k")

    assert again.status_code == 201 and again.headers["Idempotent-Replayed"] == "true"
    assert shop.stock(product) == 7


# Keys


@pytest.fixture
def cold(shop: Shop) -> None:
    """Neither private nor public keys are cached."""
    shop.restart("Authorizer", "CreateAccessToken", "CreateSession", "GetJwks")


def test_failed_load_of_public_keys_is_503_and_retried_by_the_next_request(
    shop: Shop, faults: FaultProxy
) -> None:
    person = shop.sign_up()
    stranger = shop.client(new_token(shop, person))
    shop.restart("Authorizer", "GetJwks")

    # The same sandboxes meet one fault after another.
    for fault in faults_of(PARAMETERS).values():
        with faults.on(fault, service=PARAMETERS) as hits:
            jwks, me = gather(
                2,
                lambda number: (
                    shop.anonymous.get("/.well-known/jwks.json")
                    if number
                    else stranger.get("/api/users/me")
                ),
            )[::-1]
        assert hits
        for response in (jwks, me):
            assert_retryable_503(response)
            assert response.headers["Cache-Control"] == "no-store"

    assert shop.anonymous.get("/.well-known/jwks.json").status_code == 200
    assert stranger.get("/api/users/me").status_code == 200


def test_failed_load_of_private_keys_starts_no_session_and_spends_no_token(
    shop: Shop, faults: FaultProxy
) -> None:
    person = shop.sign_up()
    credentials = {"email": person.email, "password": PASSWORD}
    spent = {"refreshToken": person.grant["refreshToken"]}
    shop.restart("CreateAccessToken", "CreateSession")
    sessions = len(person.http.get("/api/sessions").json()["data"])

    for fault in faults_of(SECRETS).values():
        with faults.on(fault, service=SECRETS) as hits:
            responses = gather(
                2,
                lambda number: shop.anonymous.post(
                    *(("/api/sessions",) if number else ("/api/access-tokens",)),
                    json=credentials if number else spent,
                ),
            )
        assert hits
        for response in responses:
            assert_retryable_503(response)

    assert len(person.http.get("/api/sessions").json()["data"]) == sessions
    # Within 30 s the spent token returns its one successor, and a login succeeds.
    assert shop.anonymous.post("/api/sessions", json=credentials).status_code == 201


def test_keys_that_failed_to_load_once_are_retried_immediately(
    shop: Shop, faults: FaultProxy, cold: None
) -> None:
    person_body = {"email": shop.sign_up().email, "password": PASSWORD}
    shop.restart("CreateSession", "GetJwks")

    with (
        faults.on(service_error("ThrottlingException"), service=SECRETS, times=1) as secret,
        faults.on(damaged(cut), service=PARAMETERS, times=1) as parameter,
    ):
        assert shop.anonymous.post("/api/sessions", json=person_body).status_code == 201
        assert shop.anonymous.get("/.well-known/jwks.json").status_code == 200

    assert len(secret) == len(parameter) == 1


@pytest.mark.parametrize("fault", [no_response(30), dripping(0.5)], ids=["hanging", "dripping"])
def test_keys_that_never_load_time_out_before_lambda(
    shop: Shop, faults: FaultProxy, fault: Fault
) -> None:
    person = shop.sign_up()
    stranger = shop.client(new_token(shop, person))
    credentials = {"email": person.email, "password": PASSWORD}
    shop.restart("Authorizer", "CreateSession", "GetJwks")
    logs = Logs(shop)

    with faults.on(fault, service=PARAMETERS), faults.on(fault, service=SECRETS):
        me, *responses = gather(
            3,
            lambda number: (
                lambda: stranger.get("/api/users/me"),
                lambda: shop.anonymous.get("/.well-known/jwks.json"),
                lambda: shop.anonymous.post("/api/sessions", json=credentials),
            )[number](),
        )

    for response in (me, *responses):
        assert_retryable_503(response)
    assert_authorizer_failed_by_itself(shop, logs)
    assert_no_lambda_timeout(logs, responses)
    assert stranger.get("/api/users/me").status_code == 200


# Queues


def test_email_that_was_not_queued_can_be_requested_again(
    shop: Shop, faults: FaultProxy, mail: Mail
) -> None:
    kinds = faults_of(QUEUES) | {"hanging": no_response(30)}
    people = [shop.sign_up() for _ in kinds]

    for person, (kind, fault) in zip(people, kinds.items(), strict=True):
        reset_request_limits(shop)
        with faults.on(fault, service=QUEUES) as hits:
            reset = {"email": person.email}
            responses = gather(
                2,
                lambda number, http=person.http, reset=reset: (
                    http.post("/api/email-verifications", json={})
                    if number
                    else shop.anonymous.post("/api/password-resets", json=reset)
                ),
            )
        assert hits, kind
        for response in responses:
            assert_retryable_503(response)
        assert person.http.post("/api/email-verifications", json={}).status_code == 202, kind

    for person in people:
        assert mail.to(person.email, VERIFICATION)


def test_email_queued_with_a_lost_response_is_sent_once(
    shop: Shop, faults: FaultProxy, mail: Mail
) -> None:
    person = shop.sign_up()

    with faults.on(response_lost, service=QUEUES, times=1) as hits:
        response = shop.anonymous.post("/api/password-resets", json={"email": person.email})
    mail.to(person.email, RESET)
    mail.wait_until_idle()

    assert (response.status_code, len(hits)) == (202, 1)
    assert len(mail.to(person.email, RESET)) == 1


def test_readiness_names_the_failing_dependency_without_details(
    shop: Shop, faults: FaultProxy
) -> None:
    shop.restart("CheckReadiness")

    with faults.on(service_error("AccessDeniedException"), service=PARAMETERS):
        response = shop.anonymous.get("/ready")
    shop.restart("CheckReadiness")  # or its sandbox would repeat the failure for 5 s

    assert error_of(response) == (503, "SERVICE_UNAVAILABLE")
    assert [it["field"] for it in response.json()["error"]["details"]] == ["signing-key"]
    assert_retryable_503(response)
