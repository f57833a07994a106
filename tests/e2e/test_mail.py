"""Emails follow events once, to the current address, with little text for unverified ones."""

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from shop.mail.models import MAX_UNVERIFIED
from tests.support.deployed_shop import Shop, new_email
from tests.support.fixtures import PASSWORD
from tests.support.recovery_tokens import verify
from tests.support.sent_emails import (
    CANCELLED,
    NEW_ADDRESS,
    NEW_PASSWORD,
    ORDERED,
    VERIFICATION,
    WELCOME,
    Mail,
)


@pytest.fixture
def mail(shop: Shop) -> Iterator[Mail]:
    mail = Mail(shop)
    yield mail
    mail.wait_until_idle()


def test_welcome_email_contains_no_text_of_the_user(shop: Shop, mail: Mail) -> None:
    ada = shop.sign_up(name="Buy at our shop now")

    (message,) = mail.to(ada.email, WELCOME)
    assert message.sender == "shop@example.com"
    assert message.to == (ada.email,)
    assert message.text.startswith("Hello,\n") and "<p>Hello,</p>" in message.html
    assert "Buy" not in message.text + message.html


def test_verified_user_is_greeted_in_text_and_html(shop: Shop, mail: Mail) -> None:
    ada = shop.sign_up(name="Ada <script> & “Co”")
    verify(shop, ada)

    mail.publish("user.password_changed", userId=ada.id, version=2)

    (message,) = mail.to(ada.email, NEW_PASSWORD)
    assert "Hello Ada <script> & “Co”," in message.text
    assert "Hello Ada &lt;script&gt; &amp; “Co”," in message.html
    assert "<script" not in message.html


def test_event_delivered_three_times_sends_one_email(shop: Shop, mail: Mail) -> None:
    ada = shop.sign_up()
    id_ = mail.publish("user.password_changed", userId=ada.id, version=1)
    mail.to(ada.email, NEW_PASSWORD)

    for _ in range(2):
        mail.republish(id_, "user.password_changed", userId=ada.id, version=1)
    mail.wait_until_idle()

    assert len(mail.to(ada.email, NEW_PASSWORD)) == 1
    assert sorted(mail.outcomes(id_)) == ["email sent", *["no email: already handled"] * 2]


def test_three_parallel_copies_of_an_event_send_one_email(shop: Shop, mail: Mail) -> None:
    ada = shop.sign_up()
    body = {
        **{
            "id": f"copies of {ada.id}",
            "type": "user.password_changed",
            "time": "2999-01-01T00:00:00Z",
        },
        "data": {"userId": ada.id},
    }
    entries = [{"Id": str(it), "MessageBody": json.dumps({"detail": body})} for it in range(3)]

    shop.stack.client("sqs").send_message_batch(
        QueueUrl=shop.resources["EmailsToSend"], Entries=entries
    )

    assert len(mail.to(ada.email, NEW_PASSWORD)) == 1


def test_former_address_is_notified_without_the_new_one(shop: Shop, mail: Mail) -> None:
    ada = shop.sign_up()
    new = new_email()
    body = {"email": new, "currentPassword": PASSWORD}
    assert ada.http.patch("/api/users/me", json=body).status_code == 200

    (message,) = mail.to(ada.email, NEW_ADDRESS)
    assert new not in message.text + message.html
    assert mail.to(new, NEW_ADDRESS, 0) == []


def test_both_former_addresses_are_notified_for_any_order_of_events(shop: Shop, mail: Mail) -> None:
    ada = shop.sign_up()
    second = new_email()
    for email in (second, new_email()):
        body = {"email": email, "currentPassword": PASSWORD}
        assert ada.http.patch("/api/users/me", json=body).status_code == 200

    assert len(mail.to(ada.email, NEW_ADDRESS)) == len(mail.to(second, NEW_ADDRESS)) == 1


def test_address_changed_back_and_forth_receives_limited_emails(shop: Shop, mail: Mail) -> None:
    ada, stranger = shop.sign_up(), new_email()
    for email in (stranger, ada.email) * (MAX_UNVERIFIED + 2):
        body = {"email": email, "currentPassword": PASSWORD}
        assert ada.http.patch("/api/users/me", json=body).status_code == 200

    assert len(mail.to(stranger, NEW_ADDRESS, MAX_UNVERIFIED)) == MAX_UNVERIFIED
    mail.wait_until_idle()
    assert len(mail.to(stranger, NEW_ADDRESS, 0)) == MAX_UNVERIFIED


def test_unverified_address_receives_limited_emails_across_accounts(shop: Shop, mail: Mail) -> None:
    somebody = shop.sign_up()
    mail.to(somebody.email, WELCOME)
    assert somebody.http.delete("/api/users/me").status_code == 204
    ada = shop.sign_up(email=somebody.email)
    assert len(mail.to(ada.email, WELCOME, 2)) == 2
    for _ in range(MAX_UNVERIFIED - 2):
        mail.publish("user.password_changed", userId=ada.id, version=1)
    assert len(mail.to(ada.email, NEW_PASSWORD, MAX_UNVERIFIED - 2)) == MAX_UNVERIFIED - 2

    limited = mail.publish("user.password_changed", userId=ada.id, version=1)
    assert ada.http.post("/api/email-verifications", json={}).status_code == 202
    mail.wait_until_idle()
    verify(shop, ada)
    mail.republish(limited, "user.password_changed", userId=ada.id, version=1)
    mail.publish("user.password_changed", userId=ada.id, version=1)

    assert len(mail.to(ada.email, NEW_PASSWORD, MAX_UNVERIFIED - 1)) == MAX_UNVERIFIED - 1
    mail.wait_until_idle()
    assert mail.outcomes(limited) == [
        *("no email: limit of an unverified address", "no email: already handled")
    ]
    assert mail.to(ada.email, VERIFICATION, 0) == []
    assert len(mail.to(ada.email, NEW_PASSWORD)) == MAX_UNVERIFIED - 1


def test_changed_name_sends_no_email(shop: Shop, mail: Mail) -> None:
    ada = shop.sign_up()

    id_ = mail.publish("user.updated", userId=ada.id, version=2, changed=["name"])
    mail.wait_until_idle()

    assert mail.outcomes(id_) == ["no email: no recipient"]
    assert mail.to(ada.email, NEW_ADDRESS, 0) == []


def test_changed_password_notifies_the_current_address(shop: Shop, mail: Mail) -> None:
    ada = shop.sign_up()
    new = new_email()
    ada.http.patch("/api/users/me", json={"email": new, "currentPassword": PASSWORD})

    mail.publish("user.password_changed", userId=ada.id, version=2)

    assert len(mail.to(new, NEW_PASSWORD)) == 1
    assert mail.to(ada.email, NEW_PASSWORD, 0) == []


def test_order_sends_emails_when_placed_and_cancelled(shop: Shop, mail: Mail) -> None:
    ada = shop.sign_up()
    order = ada.order((shop.product(name="Pears & <b>plums</b>")["id"], 2)).json()

    (placed,) = mail.to(ada.email, ORDERED)
    ada.http.patch(f"/api/users/me/orders/{order['id']}", json={"status": "cancelled"})
    (cancelled,) = mail.to(ada.email, CANCELLED)

    for message in (placed, cancelled):
        assert order["id"] in message.text and order["id"] in message.html
        assert "2 × Pears & <b>plums</b>" in message.text and "39.80 EUR" in message.text
        assert "2 × Pears &amp; &lt;b&gt;plums&lt;/b&gt;" in message.html


def test_cancelled_order_sends_no_placement_email(shop: Shop, mail: Mail) -> None:
    ada = shop.sign_up()
    order = ada.order((shop.product()["id"], 1)).json()
    ada.http.patch(f"/api/users/me/orders/{order['id']}", json={"status": "cancelled"})

    id_ = mail.publish("order.placed", userId=ada.id, orderId=order["id"], version=1)
    mail.wait_until_idle()

    assert len(mail.to(ada.email, CANCELLED)) == 1
    assert mail.outcomes(id_) == ["no email: no recipient"]


def test_deleted_or_inactive_user_gets_no_email(shop: Shop, mail: Mail) -> None:
    gone, inactive = shop.sign_up(), shop.sign_up()
    assert gone.http.delete("/api/users/me").status_code == 204
    shop.deactivate(inactive)

    ids = [
        mail.publish("user.password_changed", userId=person.id, version=2)
        for person in (gone, inactive)
    ]
    mail.wait_until_idle()

    assert [mail.outcomes(id_) for id_ in ids] == [["no email: no recipient"]] * 2
    assert mail.to(gone.email, NEW_PASSWORD, 0) == []
    assert mail.to(inactive.email, NEW_PASSWORD, 0) == []


def test_events_replayed_after_a_day_send_no_email(shop: Shop, mail: Mail) -> None:
    ada = shop.sign_up()

    id_ = mail.publish("user.password_changed", timedelta(hours=24, minutes=1), userId=ada.id)
    mail.wait_until_idle()

    assert mail.outcomes(id_) == ["no email: event too old"]
    assert mail.to(ada.email, NEW_PASSWORD, 0) == []


def test_log_lines_contain_no_address(shop: Shop, mail: Mail) -> None:
    ada = shop.sign_up()

    mail.to(ada.email, WELCOME)
    mail.wait_until_idle()

    assert ada.email not in json.dumps(mail.log_lines())


def test_malformed_message_does_not_block_others(shop: Shop, mail: Mail) -> None:
    ada = shop.sign_up()
    queue = shop.resources["EmailsToSend"]
    sqs = shop.stack.client("sqs")

    good = {
        **{
            "id": f"beside {ada.id}",
            "type": "user.password_changed",
            "time": "2999-01-01T00:00:00Z",
        },
        "data": {"userId": ada.id},
    }
    entries = [
        {"Id": str(it), "MessageBody": body}
        for it, body in enumerate(["not JSON", "{}", json.dumps({"detail": good})])
    ]
    sqs.send_message_batch(QueueUrl=queue, Entries=entries)

    assert len(mail.to(ada.email, NEW_PASSWORD)) == 1
    sqs.purge_queue(QueueUrl=queue)


def test_undeliverable_event_is_mailed_after_a_redrive(shop: Shop, mail: Mail) -> None:
    ada = shop.sign_up()
    event = {
        **{"id": f"dead {ada.id}", "type": "user.password_changed", "time": "2999-01-01T00:00:00Z"},
        **{"data": {"userId": ada.id}, "correlationid": f"request of {ada.id}"},
    }
    # The format that the bus writes to a target's dead-letter queue.
    letter = {"version": "0", "source": "shop", "detail-type": event["type"], "detail": event}
    sqs = shop.stack.client("sqs")

    sqs.send_message(QueueUrl=shop.resources["EmailsToSendFailed"], MessageBody=json.dumps(letter))
    sqs.start_message_move_task(
        SourceArn=_arn(sqs, shop.resources["EmailsToSendFailed"]),
        DestinationArn=_arn(sqs, shop.resources["EmailsToSend"]),
    )

    assert len(mail.to(ada.email, NEW_PASSWORD)) == 1
    mail.wait_until_idle()
    sent, done = [it for it in mail.log_lines() if it.get("id") == event["id"]]
    assert (sent["message"], sent["request_id"]) == ("email sent", f"request of {ada.id}")
    assert (done["message"], done["request_id"]) == ("done", f"request of {ada.id}")


def _arn(sqs: Any, url: str) -> str:
    found = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])
    arn: str = found["Attributes"]["QueueArn"]
    return arn
