"""Second factors of users of a deployed stack."""

from datetime import UTC, datetime
from typing import Any, NamedTuple

from tests.support.authenticator_app import code_of
from tests.support.deployed_shop import Person
from tests.support.fixtures import PASSWORD


class SecondFactor(NamedTuple):
    id: str
    secret: str
    recovery_codes: list[str]

    def code(self, steps: int = 0) -> str:
        """Return the code of now, or of so many steps later. The confirmation used that before."""
        return code_of(self.secret, datetime.now(UTC), steps)


def enrol(person: Person, **fields: Any) -> SecondFactor:
    """Return an app that is not confirmed."""
    body = {"kind": "totp", "currentPassword": PASSWORD} | fields
    enrolled = person.http.post("/api/authenticators", json=body)
    assert enrolled.status_code == 201, enrolled.text
    return SecondFactor(enrolled.json()["id"], enrolled.json()["secret"], [])


def turn_on(person: Person) -> SecondFactor:
    """Return a confirmed app; the code of now is unused."""
    app = enrol(person)
    path = f"/api/authenticators/{app.id}"
    confirmed = person.http.put(path, json={"code": app.code(steps=-1)})
    assert confirmed.status_code == 200, confirmed.text
    return app._replace(recovery_codes=confirmed.json()["recoveryCodes"])
