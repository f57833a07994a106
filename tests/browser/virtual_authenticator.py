"""Chromium's virtual authenticator, and registrations of its passkeys through the API."""

from typing import Any  # JSON

from playwright.sync_api import Page

from tests.support.deployed_shop import Person

type Json = dict[str, Any]

_CREATE = """
async ({ challenge, domain, userId, email }) => {
  const bytes = (text) =>
    Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (it) => it.charCodeAt(0));
  const text = (buffer) =>
    btoa(String.fromCharCode(...new Uint8Array(buffer)))
      .replace(/\\+/g, "-").replace(/\\//g, "_").replace(/=+$/, "");
  const { id, response } = await navigator.credentials.create({
    publicKey: {
      challenge: bytes(challenge),
      rp: { id: domain, name: "Shop" },
      user: { id: new TextEncoder().encode(userId), name: email, displayName: email },
      pubKeyCredParams: [-7, -8, -257].map((alg) => ({ type: "public-key", alg })),
      authenticatorSelection: { residentKey: "required", userVerification: "required" },
    },
  });
  return {
    challenge,
    id,
    clientData: text(response.clientDataJSON),
    authenticatorData: text(response.getAuthenticatorData()),
    publicKey: text(response.getPublicKey()),
    alg: response.getPublicKeyAlgorithm(),
  };
}
"""


class VirtualAuthenticator:
    """A platform authenticator, such as a phone's, that agrees to everything at once."""

    def __init__(self, page: Page) -> None:
        self._page = page
        self._devtools = page.context.new_cdp_session(page)
        self._devtools.send("WebAuthn.enable")
        options = {
            "protocol": "ctap2",
            "transport": "internal",
            "hasResidentKey": True,
            "hasUserVerification": True,
            "isUserVerified": True,
            "automaticPresenceSimulation": True,
        }
        added = self._devtools.send("WebAuthn.addVirtualAuthenticator", {"options": options})
        self._id = added["authenticatorId"]

    def verify_user(self, is_verified: bool) -> None:
        """Set whether the user passes the check of the fingerprint."""
        message = {"authenticatorId": self._id, "isUserVerified": is_verified}
        self._devtools.send("WebAuthn.setUserVerified", message)

    def counters(self) -> list[int]:
        """Return the counters of all passkeys."""
        stored = self._devtools.send("WebAuthn.getCredentials", {"authenticatorId": self._id})
        return [it["signCount"] for it in stored["credentials"]]

    def register(self, person: Person, name: str = "Ada's phone") -> Json:
        """Create a passkey on the page's origin, and add it to the account."""
        challenge = person.http.post("/api/passkey-challenges", json={}).json()
        made = self._page.evaluate(
            _CREATE,
            {
                "challenge": challenge["challenge"],
                "domain": challenge["domain"],
                "userId": person.id,
                "email": person.email,
            },
        )
        response = person.http.post("/api/passkeys", json=made | {"name": name})
        assert response.status_code == 201, response.text
        added: Json = response.json()
        return added
