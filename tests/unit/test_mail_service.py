"""Emails are sent once under redelivery, failures and rejections."""

from copy import replace
from datetime import timedelta

import pytest

from shop.caller import Role
from shop.deadline import RESPONSE_MARGIN
from shop.email_queue import (
    PERSONAL_DATA_EXPORTED,
    RESET_REQUESTED,
    SECOND_FACTOR_CHANGED,
    VERIFICATION_REQUESTED,
    WEBHOOK_DISABLED,
)
from shop.identity.accounts.models import UserStatus
from shop.identity.recovery.models import Purpose
from shop.mail.models import MAX_EVENT_AGE, Notification
from shop.mail.service import (
    MAX_ATTEMPTS,
    MIN_SEND_SECONDS,
    EmailRejected,
    InProgress,
    MailService,
    NotEnoughTime,
)
from shop.users.models import FormerEmail, User
from tests.fakes.email_dependencies import USER, FakeEmailDependencies
from tests.support.fixtures import ALICE, NOON
from tests.support.log_lines import LogLines
from tests.support.sam_template import resources

SIGNED_UP = Notification("event", "user.registered", NOON, {"userId": ALICE.id})


def deliver(office: FakeEmailDependencies, notification: Notification) -> str:
    service = MailService(
        office, office, office, office, office, lambda: NOON, pause=lambda _: None
    )
    return service.deliver(notification, office.seconds_left)


def test_redelivered_notification_is_one_email_with_the_event_id() -> None:
    office = FakeEmailDependencies()

    outcomes = [deliver(office, SIGNED_UP) for _ in range(3)]

    assert outcomes == ["email sent", "no email: already handled", "no email: already handled"]
    [(address, _, reference)] = office.sent
    assert (address, reference) == ("ada@example.com", "event")


def test_email_that_failed_is_sent_by_the_retry() -> None:
    office = FakeEmailDependencies(ConnectionError())

    with pytest.raises(ConnectionError):
        deliver(office, SIGNED_UP)
    assert deliver(office, SIGNED_UP) == "email sent"


def test_notification_leased_elsewhere_is_deferred() -> None:
    office = FakeEmailDependencies()
    office.elsewhere.add("event")

    with pytest.raises(InProgress):
        deliver(office, SIGNED_UP)
    assert office.sent == [] and office.elsewhere == {"event"}


def test_failed_read_is_retried_in_the_delivery_and_then_by_the_queue() -> None:
    office = FakeEmailDependencies()
    office.failing = MAX_ATTEMPTS - 1
    assert deliver(office, SIGNED_UP) == "email sent"

    office.failing = MAX_ATTEMPTS
    with pytest.raises(TimeoutError):
        deliver(office, replace(SIGNED_UP, id="another"))
    assert office.failing == 0 and office.claimed == {"event"}
    assert [reference for _, _, reference in office.sent] == ["event"]


def test_finally_rejected_email_is_logged_and_not_retried(log: LogLines) -> None:
    office = FakeEmailDependencies(EmailRejected("MessageRejected"))

    assert deliver(office, SIGNED_UP) == "no email: rejected"
    assert deliver(office, SIGNED_UP) == "no email: already handled"

    (line,) = log()
    assert (line["level"], line["code"]) == ("ERROR", "MessageRejected")
    metric = resources("AWS::Logs::MetricFilter")["RejectedEmails"]
    assert f'($.message = "{line["message"]}")' in metric["FilterPattern"], "or no alarm rings"
    assert "ada" not in str(line)


def test_crash_between_sending_and_marking_sends_the_email_again_with_its_id() -> None:
    office = FakeEmailDependencies()
    deliver(office, SIGNED_UP)
    office.finished.clear()
    office.claimed.clear()

    deliver(office, SIGNED_UP)

    assert [reference for _, _, reference in office.sent] == ["event", "event"]


def test_mark_has_the_function_time_minus_the_response_margin() -> None:
    office = FakeEmailDependencies()

    deliver(office, SIGNED_UP)

    assert office.given == 30.0 - RESPONSE_MARGIN


def test_sent_email_that_cannot_be_marked_is_logged_and_not_redelivered(log: LogLines) -> None:
    office = FakeEmailDependencies()
    office.marks_fail = True

    assert deliver(office, SIGNED_UP) == "email sent"

    (line,) = [it for it in log() if it["message"] == "email not recorded"]
    assert (line["level"], line["id"]) == ("ERROR", "event")
    assert "ada" not in str(line)


def test_email_is_not_started_without_time_to_send_and_mark_it() -> None:
    office = FakeEmailDependencies()
    office.seconds = MIN_SEND_SECONDS - 0.1

    with pytest.raises(NotEnoughTime):
        deliver(office, SIGNED_UP)
    assert office.sent == [] and office.claimed == set()


def test_email_delayed_by_slow_reads_is_released_unsent() -> None:
    office = FakeEmailDependencies()
    office.slow = 20.0

    with pytest.raises(NotEnoughTime):
        deliver(office, SIGNED_UP)
    assert office.sent == [] and office.claimed == office.finished == set()

    office.seconds, office.slow = 30.0, 0.0
    assert deliver(office, SIGNED_UP) == "email sent"


@pytest.mark.parametrize(
    "known", [None, replace(USER, status=UserStatus.INACTIVE)], ids=["gone", "inactive"]
)
@pytest.mark.parametrize(
    "type_",
    ["user.registered", "user.password_changed", "order.placed", "order.cancelled"],
)
def test_deleted_or_inactive_user_gets_no_email(known: User | None, type_: str) -> None:
    office = FakeEmailDependencies()
    office.known = known
    notification = replace(SIGNED_UP, type=type_, data={"userId": ALICE.id, "orderId": "order"})

    assert deliver(office, notification) == "no email: no recipient"


@pytest.mark.parametrize("role", Role)
def test_email_about_a_disabled_webhook_endpoint_reaches_admins_only(role: Role) -> None:
    office = FakeEmailDependencies()
    office.known = replace(USER, role=role)
    data = {"userId": ALICE.id, "host": "hooks.example.com", "reason": "gone"}

    outcome = deliver(office, Notification("1", WEBHOOK_DISABLED, NOON, data))

    is_admin = role is Role.ADMIN
    assert outcome == ("email sent" if is_admin else "no email: no recipient")
    assert len(office.sent) == is_admin
    assert all("hooks.example.com" in message.text for _, message, _ in office.sent)


@pytest.mark.parametrize("status", UserStatus)
@pytest.mark.parametrize("is_verified", [True, False])
def test_exported_user_is_notified_at_the_present_address(
    status: UserStatus, is_verified: bool
) -> None:
    office = FakeEmailDependencies()
    office.known = replace(USER, status=status, email_verified=is_verified)
    office.most = 0

    outcome = deliver(office, Notification("1", PERSONAL_DATA_EXPORTED, NOON, {"userId": ALICE.id}))

    ((address, message, _),) = office.sent
    assert (outcome, address) == ("email sent", USER.email)
    assert message.subject == "Your personal data was exported"
    assert "change your password" in message.text
    assert ("Ada" in message.text) is is_verified

    office.known = None
    again = Notification("2", PERSONAL_DATA_EXPORTED, NOON, {"userId": ALICE.id})
    assert deliver(office, again) == "no email: no recipient"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ("added", "you need its code beside your password"),
        ("removed", "recovery codes are no longer valid"),
        ("recovery_codes_replaced", "The earlier ones are no longer valid"),
        ("reset", "Our staff removed"),
        ("wrong_codes", "five wrong codes"),
    ],
)
@pytest.mark.parametrize("status", UserStatus)
def test_change_of_a_second_factor_is_reported_to_every_owner(
    change: str, words: str, status: UserStatus
) -> None:
    office = FakeEmailDependencies()
    office.known = replace(USER, status=status)
    data = {"userId": ALICE.id, "change": change, "kind": "totp"}

    outcome = deliver(office, Notification("1", SECOND_FACTOR_CHANGED, NOON, data))

    ((address, message, _),) = office.sent
    assert (outcome, address) == ("email sent", USER.email)
    assert words in message.text and words in message.html
    assert "change" in message.text and "password" in message.text

    office.known = None
    again = Notification("2", SECOND_FACTOR_CHANGED, NOON, data)
    assert deliver(office, again) == "no email: no recipient"


def test_unknown_order_sends_no_email() -> None:
    office = FakeEmailDependencies()
    office.placed = None

    for type_ in ("order.placed", "order.cancelled"):
        notification = Notification(type_, type_, NOON, {"userId": ALICE.id, "orderId": "order"})
        assert deliver(office, notification) == "no email: no recipient"


def test_only_the_replaced_address_is_notified() -> None:
    office = FakeEmailDependencies()
    office.known = replace(
        USER, former_emails=(FormerEmail("first@a.example", 2), FormerEmail("second@a.example", 4))
    )
    data = {"userId": ALICE.id, "changed": ["email"]}

    for version in (4, 3, 2):
        notification = Notification(f"{version}", "user.updated", NOON, data | {"version": version})
        deliver(office, notification)

    assert [address for address, _, _ in office.sent] == ["second@a.example", "first@a.example"]


def test_notifications_expire_after_a_day() -> None:
    office = FakeEmailDependencies()

    at_the_end = replace(SIGNED_UP, time=NOON - MAX_EVENT_AGE)
    too_old = replace(SIGNED_UP, id="old", time=NOON - MAX_EVENT_AGE - timedelta(seconds=1))

    assert deliver(office, at_the_end) == "email sent"
    assert deliver(office, too_old) == "no email: event too old"
    assert office.claimed == {"event"}


def test_disabled_email_sends_and_marks_nothing() -> None:
    office = FakeEmailDependencies()

    mute = MailService(office, office, office, office, None, lambda: NOON)
    outcome = mute.deliver(SIGNED_UP, office.seconds_left)

    assert outcome == "no email: no sender"
    assert office.claimed == set()


def test_unknown_event_type_is_skipped() -> None:
    assert deliver(FakeEmailDependencies(), replace(SIGNED_UP, type="user.knighted")).endswith(
        "type"
    )


VERIFY = Notification("wish", VERIFICATION_REQUESTED, NOON, {"userId": ALICE.id})
RESET = Notification("wish", RESET_REQUESTED, NOON, {"email": "ada@example.com"})


@pytest.mark.parametrize(
    ("notification", "purpose"),
    [
        (SIGNED_UP, Purpose.VERIFICATION),
        (VERIFY, Purpose.VERIFICATION),
        (RESET, Purpose.RESET),
    ],
    ids=["sign-up", "verification", "reset"],
)
def test_link_is_created_once_when_its_email_is_written(
    notification: Notification, purpose: Purpose
) -> None:
    office = FakeEmailDependencies()

    for _ in range(3):
        deliver(office, notification)

    [(_, message, _)] = office.sent
    assert office.made == [purpose]
    assert f"https://shop.example/recovery#{purpose}=token" in message.text
    assert f'href="https://shop.example/recovery#{purpose}=token"' in message.html


def test_verified_address_gets_no_link() -> None:
    office = FakeEmailDependencies()
    office.known = replace(USER, email_verified=True)

    assert deliver(office, VERIFY) == "no email: no recipient"
    assert deliver(office, SIGNED_UP) == "email sent"
    assert office.made == [] and "https" not in office.sent[0][1].text


@pytest.mark.parametrize(
    "known",
    [None, replace(USER, status=UserStatus.INACTIVE), replace(USER, email="king@example.com")],
    ids=["unknown", "inactive", "moved"],
)
def test_unknown_address_gets_no_reset(known: User | None) -> None:
    office = FakeEmailDependencies()
    office.known = known

    assert deliver(office, RESET) == "no email: no recipient"
    assert office.made == []


VERIFIED = replace(USER, email_verified=True)
ABOUT = {"userId": ALICE.id, "orderId": "order", "email": "ada@example.com"}
TOLD_BOTH = ["user.registered", "user.password_changed", "order.placed", "order.cancelled"]


@pytest.mark.parametrize("type_", [*TOLD_BOTH, VERIFICATION_REQUESTED, RESET_REQUESTED])
def test_unverified_address_gets_no_name(type_: str) -> None:
    office = FakeEmailDependencies()

    deliver(office, Notification("event", type_, NOON, ABOUT))

    [(_, message, _)] = office.sent
    assert message.text.startswith("Hello,\n")
    assert "Ada" not in message.text + message.html


@pytest.mark.parametrize("type_", [*TOLD_BOTH, RESET_REQUESTED])
def test_verified_owner_is_greeted_by_name_and_not_limited(type_: str) -> None:
    office = FakeEmailDependencies()
    office.known, office.most = VERIFIED, 0

    assert deliver(office, Notification("event", type_, NOON, ABOUT)) == "email sent"

    [(_, message, _)] = office.sent
    assert message.text.startswith("Hello Ada,\n")


def test_former_address_gets_no_name_chosen_by_the_account() -> None:
    office = FakeEmailDependencies()
    office.known = replace(VERIFIED, former_emails=(FormerEmail("first@a.example", 2),))
    data = {"userId": ALICE.id, "changed": ["email"], "version": 2}

    deliver(office, Notification("event", "user.updated", NOON, data))

    [(_, message, _)] = office.sent
    assert "Ada" not in message.text + message.html


@pytest.mark.parametrize("type_", [*TOLD_BOTH, VERIFICATION_REQUESTED])
def test_email_over_the_limit_of_an_unverified_address_is_never_sent(type_: str) -> None:
    office = FakeEmailDependencies()
    office.most = 1
    notifications = [Notification(id_, type_, NOON, ABOUT) for id_ in ("first", "second")]

    outcomes = [deliver(office, notification) for notification in notifications]
    office.most = 100
    again = deliver(office, notifications[1])

    assert outcomes == ["email sent", "no email: limit of an unverified address"]
    assert again == "no email: already handled"
    assert office.counted == [("ada@example.com", "first"), ("ada@example.com", "second")]
    assert [reference for _, _, reference in office.sent] == ["first"]


def test_notices_of_security_have_a_limit_of_their_own() -> None:
    office = FakeEmailDependencies()
    data = {"userId": ALICE.id, "change": "added", "kind": "totp"}

    outcome = deliver(office, Notification("event", SECOND_FACTOR_CHANGED, NOON, data))

    assert outcome == "email sent"
    assert office.counted == [("ada@example.com security", "event")]


def test_resets_are_not_limited_here() -> None:
    office = FakeEmailDependencies()
    office.most = 0

    assert deliver(office, RESET) == "email sent"


def test_events_without_an_email_are_not_counted() -> None:
    office = FakeEmailDependencies()
    office.placed = None

    deliver(office, Notification("event", "order.placed", NOON, ABOUT))

    assert office.counted == []
