"""The users of a schemathesis run: newly signed-up customers, and the admin."""

from collections.abc import Mapping
from uuid import uuid4

import httpx2

from tests.support.fixtures import PASSWORD
from tools.local_cloud.stack import Admin

# The first sender tries each operation; the next with access repeats it (section auth.wfc).
PEERS = ("ada", "grace")


def sign_up(http: httpx2.Client) -> Mapping[str, str]:
    """Sign up a new user; return id, email address and access token."""
    email = f"{uuid4().hex}@example.com"
    user = {"email": email, "name": "Ada Lovelace", "password": PASSWORD}
    http.post("/api/users", json=user).raise_for_status()
    return log_in(http, email, PASSWORD)


def log_in(http: httpx2.Client, email: str, password: str) -> Mapping[str, str]:
    response = http.post("/api/sessions", json={"email": email, "password": password})
    token: str = response.raise_for_status().json()["accessToken"]
    me = http.get("/api/users/me", headers={"Authorization": f"Bearer {token}"}).json()
    return {"id": me["id"], "email": email, "token": token}


def conformance_users(http: httpx2.Client, admin: Admin) -> Mapping[str, object]:
    """Return the users in schemathesis' format (Web Fuzzing Commons), with their ids."""
    found = {name: sign_up(http) for name in PEERS}
    found["admin"] = log_in(http, admin.email, admin.password)
    return {
        "auth": [
            {
                "name": name,
                "id": user["id"],
                "fixedHeaders": [{"name": "Authorization", "value": f"Bearer {user['token']}"}],
            }
            for name, user in found.items()
        ]
    }
