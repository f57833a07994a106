"""The reason for which a registration or assertion is rejected."""


class Rejected(Exception):
    """`field` is a field of the request body; `code` is one word for logs."""

    def __init__(self, field: str, code: str, message: str) -> None:
        self.field = field
        self.code = code
        self.message = message
        super().__init__(code)


class CounterNotRisen(Rejected):
    """The counter of signatures did not rise: the private key was copied, or the device is broken.

    Raised only for a right signature.
    """

    def __init__(self) -> None:
        super().__init__("authenticatorData", "counter", "Must have a counter above the last one.")


class ChallengeSpent(Exception):
    """The challenge was used before."""
