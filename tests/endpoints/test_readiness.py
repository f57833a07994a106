"""Parallel dependency checks use clients that one thread has created."""

import importlib
import json
import threading
from typing import Any

import pytest

from shop import clients
from tests.support.aws_mock import fresh_aws
from tests.support.gateway_events import Context
from tests.support.sam_template import ROOT


def test_clients_are_created_by_the_thread_of_the_request(monkeypatch: pytest.MonkeyPatch) -> None:
    event = json.loads((ROOT / "events/check_readiness.json").read_text())
    handler = importlib.import_module("functions.system.check_readiness").handler
    make, made = clients._client, {}

    def noted(service: str, config: Any) -> Any:
        made[service] = threading.current_thread()
        return make(service, config)

    with fresh_aws():
        for client in (clients.dynamodb, clients.parameters, clients.secrets):
            client.cache_clear()
        monkeypatch.setattr(clients, "_client", noted)
        handler(event, Context())

    assert made.keys() == {"dynamodb", "ssm", "secretsmanager"}
    assert {*made.values()} == {threading.main_thread()}
