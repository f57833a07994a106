"""Operator commands, run by `make` on the deployed stack, and their audit lines."""

import json
import re
import subprocess
from collections.abc import Iterator

import pytest

from shop.identifiers import new_id
from tests.support.deployed_shop import Person, Shop, error_of
from tests.support.event_sources import Queue
from tests.support.operator_commands import audit_lines, refresh_status
from tests.support.sam_template import ROOT
from tests.support.sent_emails import CANCELLED, ORDERED, VERIFICATION, Mail
from tests.support.waiting import HANG_SECONDS


@pytest.fixture
def mail(shop: Shop) -> Mail:
    return Mail(shop)


def make(shop: Shop, target: str, **words: str) -> "subprocess.CompletedProcess[str]":
    done = subprocess.run(
        ["make", target, "ENV=default", *(f"{name}={value}" for name, value in words.items())],
        cwd=ROOT,
        env=shop.stack.environment(),
        capture_output=True,
        text=True,
        timeout=HANG_SECONDS,
    )
    shop.drop_cached_items()
    return done


def outcomes(shop: Shop, **subject: str) -> list[tuple[str, str]]:
    return [(line["action"], line["outcome"]) for line in audit_lines(shop, **subject)]


def first_status(shop: Shop, person: Person) -> int:
    """Return the status of a request with a token that has no cached authorizer result."""
    token = person.grant["accessToken"]
    return shop.client(token).get("/api/users/me").status_code


def new_login(shop: Shop, person: Person) -> Person:
    """Log in again, for a token without any request."""
    body = {"email": person.email, "password": "correct horse battery staple"}
    response = shop.anonymous.post("/api/sessions", json=body)
    assert response.status_code == 201, response.text
    grant = response.json()
    return Person(person.id, person.email, shop.client(grant["accessToken"]), grant)


def test_deactivated_user_is_locked_out_and_activated_again(shop: Shop) -> None:
    person = shop.sign_up()
    session = new_login(shop, person)
    before = shop.everything()

    tried = make(shop, "deactivate-user", USER=person.id)
    assert tried.returncode == 0, tried.stderr
    assert "dry run" in tried.stdout and "sessions: 2" in tried.stdout
    assert "CONFIRM=1" in tried.stdout
    assert shop.everything() == before

    done = make(shop, "deactivate-user", USER=person.id, CONFIRM="1")
    assert done.returncode == 0, done.stderr
    assert first_status(shop, session) == 401
    assert refresh_status(shop, person) == 401
    body = {"email": person.email, "password": "correct horse battery staple"}
    assert error_of(shop.anonymous.post("/api/sessions", json=body)) == (403, "ACCOUNT_INACTIVE")

    assert make(shop, "activate-user", USER=person.id, CONFIRM="1").returncode == 0
    assert refresh_status(shop, person) == 401
    assert first_status(shop, new_login(shop, person)) == 200
    assert outcomes(shop, user_id=person.id) == [
        *(("deactivate-user", "dry run"), ("deactivate-user", "done")),
        ("activate-user", "done"),
    ]
    (line, *_) = audit_lines(shop, user_id=person.id)
    assert line["actor"].startswith("arn:aws:") and line["request_id"]
    assert "ChangeUserStatus" in line["function_name"]


def test_last_admin_is_not_deactivated_and_the_dry_run_reports_it(shop: Shop) -> None:
    before = shop.everything()

    tried = make(shop, "deactivate-user", USER=shop.admin.id)
    done = make(shop, "deactivate-user", USER=shop.admin.id, CONFIRM="1")

    for rejected in (tried, done):
        assert rejected.returncode != 0 and "LAST_ADMIN" in rejected.stderr
    assert shop.everything() == before
    assert outcomes(shop, user_id=shop.admin.id)[-2:] == [("deactivate-user", "LastAdmin")] * 2


def test_user_can_log_in_after_all_sessions_have_ended(shop: Shop) -> None:
    person = shop.sign_up()
    session = new_login(shop, person)
    before = shop.everything()

    tried = make(shop, "end-sessions", USER=person.id)
    assert "sessions: 2" in tried.stdout, tried.stderr
    assert shop.everything() == before

    assert make(shop, "end-sessions", USER=person.id, CONFIRM="1").returncode == 0
    assert first_status(shop, session) == 401
    assert refresh_status(shop, person) == 401
    assert first_status(shop, new_login(shop, person)) == 200
    assert outcomes(shop, user_id=person.id) == [
        *(("end-sessions", "dry run"), ("end-sessions", "done"))
    ]


@pytest.mark.parametrize(
    "target", ["deactivate-user", "activate-user", "end-sessions", "reset-second-factors"]
)
def test_unknown_user_is_not_found(shop: Shop, target: str) -> None:
    before = shop.everything()

    done = make(shop, target, USER=new_id(), CONFIRM="1")

    assert done.returncode != 0 and "NOT_FOUND" in done.stderr
    assert shop.everything() == before


def test_email_address_as_user_id_is_rejected_and_not_logged(shop: Shop) -> None:
    address = f"{new_id()}@example.com"

    done = make(shop, "end-sessions", USER=address, CONFIRM="1")

    assert done.returncode != 0 and "VALIDATION_ERROR" in done.stderr
    [line] = [it for it in audit_lines(shop) if it["outcome"] == "ValidationFailed"]
    assert "EndSessions" in line["action"] and line["actor"].startswith("arn:aws:")
    assert line["request_id"] and address not in str(line)


def test_shell_user_variable_is_not_taken_as_user_id(shop: Shop) -> None:
    done = make(shop, "end-sessions")

    assert done.returncode != 0 and "USER=<id>" in done.stderr


def confirmation(tried: "subprocess.CompletedProcess[str]") -> str:
    assert tried.returncode == 0, tried.stderr
    found = re.search(r"CONFIRM=(\S+)", tried.stdout)
    assert found
    return found[1]


def test_recovery_email_is_resent_once_per_dry_run(shop: Shop, mail: Mail) -> None:
    person = shop.sign_up()
    mail.wait_until_idle()
    before = shop.everything()

    confirm = confirmation(make(shop, "resend-mail", USER=person.id))
    mail.wait_until_idle()
    assert mail.to(person.email, VERIFICATION, 0) == []
    assert shop.everything() == before

    for _ in range(2):
        assert make(shop, "resend-mail", USER=person.id, CONFIRM=confirm).returncode == 0
    mail.to(person.email, VERIFICATION)
    mail.wait_until_idle()
    assert len(mail.to(person.email, VERIFICATION)) == 1
    assert outcomes(shop, user_id=person.id) == [
        *(("resend-mail", "dry run"), ("resend-mail", "done"), ("resend-mail", "done"))
    ]


def test_order_email_is_resent_with_the_current_status(shop: Shop, mail: Mail) -> None:
    person, product = shop.sign_up(), shop.product()
    order = person.order((product["id"], 1)).json()["id"]
    assert len(mail.to(person.email, ORDERED)) == 1
    words = {"USER": person.id, "ORDER": order}

    confirm = confirmation(make(shop, "resend-mail", **words))
    assert make(shop, "resend-mail", **words, CONFIRM=confirm).returncode == 0
    assert len(mail.to(person.email, ORDERED, 2)) == 2

    path = f"/api/users/me/orders/{order}"
    assert person.http.patch(path, json={"status": "cancelled"}).status_code == 200
    assert len(mail.to(person.email, CANCELLED)) == 1
    confirm = confirmation(make(shop, "resend-mail", **words))
    assert make(shop, "resend-mail", **words, CONFIRM=confirm).returncode == 0
    assert len(mail.to(person.email, CANCELLED, 2)) == 2
    assert outcomes(shop, order_id=order)[-1] == ("resend-mail", "done")


@pytest.fixture
def dead_letter(shop: Shop) -> Iterator[Queue]:
    queue = Queue(shop.stack, shop.resources["FailedOrdersToProcess"])
    queue.send("{}")
    yield queue
    shop.stack.client("sqs").purge_queue(QueueUrl=queue.url)


def test_dry_runs_of_queues_and_keys_print_a_preview_and_change_nothing(
    shop: Shop, dead_letter: Queue
) -> None:
    before = shop.everything()
    pointers = Queue(shop.stack, shop.resources["UnpublishedEvents"])
    pointers.send("{}")
    keys = shop.anonymous.get("/.well-known/jwks.json").json()

    redriven = make(shop, "redrive", QUEUE="FailedOrdersToProcess", DRY_RUN="1")
    replayed = make(shop, "replay", QUEUE="UnpublishedEvents", DRY_RUN="1")
    rotated = make(shop, "rotate-keys", REVOKE="1", DRY_RUN="1")

    assert "1 would be moved to" in redriven.stdout, redriven.stderr
    assert "1 would be replayed" in replayed.stdout, replayed.stderr
    kids = [key["kid"] for key in keys["keys"]]
    assert json.loads(rotated.stdout) == {"kids": kids, "then": ["new"] * 3}, rotated.stderr
    assert len(dead_letter.received()) == len(pointers.received()) == 1
    assert shop.anonymous.get("/.well-known/jwks.json").json() == keys
    assert shop.everything() == before
    (line,) = [
        it
        for it in audit_lines(shop)
        if it["outcome"] == "dry run" and it["subject"].get("then") == ["new"] * 3
    ]
    assert line["actor"].startswith("arn:aws:")


def test_queue_commands_are_audited(shop: Shop) -> None:
    for target, queue, outcome in (
        ("redrive", "FailedOrdersToProcess", "0 moved, completed"),
        ("replay", "UnpublishedEvents", "0 done, 0 left"),
    ):
        done = make(shop, target, QUEUE=queue)

        assert done.returncode == 0, done.stderr
        lines = [line for line in audit_lines(shop, queue=queue) if line["action"] == target]
        assert [line["outcome"] for line in lines[-2:]] == ["begun", outcome]
        assert lines[-1]["actor"].startswith("arn:aws:")
