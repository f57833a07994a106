"""The app of a user: codes from the secret that an enrolment returns."""

from base64 import b32decode
from datetime import datetime

from shop.identity.codes.totp import STEP, code_at, step_at


def code_of(secret: str, time: datetime, steps: int = 0) -> str:
    """Return the code at a time, or that of so many steps later."""
    return code_at(b32decode(secret), step_at(time) + steps)


def wrong_code(secret: str, time: datetime) -> str:
    """Return a code that no step around the time has."""
    near = {code_of(secret, time, steps) for steps in range(-STEP, STEP)}
    return next(code for code in map("{:06}".format, range(100)) if code not in near)
