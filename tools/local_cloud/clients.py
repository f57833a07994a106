"""Clients of the emulator's AWS APIs, as the account's root and of no real account."""

from functools import cache
from typing import Any

import botocore.session
from botocore.config import Config

# The emulator's own words for root: it checks every other caller's signature and policies.
CREDENTIALS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}


# Any: botocore makes its clients at run time.
@cache
def client(service: str, endpoint: str, region: str) -> Any:
    session = botocore.session.Session()
    # Neither profiles nor files of whoever runs this.
    session.set_config_variable("profile", None)
    session.set_config_variable("config_file", "/dev/null")
    session.set_config_variable("credentials_file", "/dev/null")
    session.set_credentials(*CREDENTIALS.values())
    direct = Config(proxies={})
    return session.create_client(service, region, endpoint_url=endpoint, config=direct)
