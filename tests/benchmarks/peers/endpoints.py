"""Cold starts of all our functions with a waiting client, each with its event of events/."""

import json
import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any  # Any: events and responses are JSON

import bcrypt

import shop.clients
from functions.sessions import create_session
from shop.config import setting
from tests.benchmarks.peers.build import HOME, Built, build_functions
from tests.benchmarks.peers.cases import CASES, GET
from tests.benchmarks.peers.measure import Run, Turn, runs, turns_of
from tests.benchmarks.peers.summary import Cold, summarise_cold
from tests.benchmarks.peers.tables import items, restore
from tests.benchmarks.peers.workload import environment
from tests.support.gateway_events import Context
from tests.support.sam_template import ROOT, Function, functions, resources, template
from tests.support.sample_items import add_examples
from tools.local_cloud.clients import CREDENTIALS, client
from tools.local_cloud.emulator_process import EmulatorProcess
from tools.local_cloud.free_port import free_port

AUTHORIZER = "Authorizer"
BARE = next(case for case in CASES if case.name == "boto3")


@dataclass(frozen=True)
class Endpoint:
    route: str | None  # None for the authorizer
    is_hashing: bool
    start: Cold


@dataclass(frozen=True)
class Endpoints:
    bare: Cold  # the GET of boto3 + json, in the same rounds
    hash_seconds: float  # CPU of one password hash at the deployed cost
    of_functions: dict[str, Endpoint]  # by logical id


def waited_for() -> list[Function]:
    return [it for it in functions() if it.route is not None or it.name == AUTHORIZER]


def measure(
    bare: Built, runtime: Path, rounds: int, report_run: Callable[[Run], None]
) -> Endpoints:
    built = build_functions()
    ran: dict[str, list[Run]] = {}
    with environment() as given:
        events = _events()
        kept = items()
        turns = [*turns_of(BARE, bare, (GET,), warm=0)]
        turns += [_turn(it, built[it.name], events[it.name]) for it in waited_for()]
        settings = {name: os.environ[name] for name in _setting_names()}
        with _other_services() as services:
            found = settings | given | services
            for run in runs(turns, runtime, found, rounds, before=partial(restore, kept)):
                ran.setdefault(run.case, []).append(run)
                report_run(run)
    properties = resources("AWS::Serverless::Function")
    return Endpoints(
        summarise_cold(ran[BARE.name]),
        _hash_seconds(),
        {
            function.name: Endpoint(
                function.route,
                properties[function.name].get("MemorySize") == {"Ref": "HashingMemory"},
                summarise_cold(ran[function.name]),
            )
            for function in waited_for()
        },
    )


def _turn(function: Function, built: Built, event: Mapping[str, Any]) -> Turn:
    handler = f"{function.path.stem}.handler"
    return Turn(function.name, "", built, handler, lambda: event, check_success, warm=0)


def check_success(response: Any) -> None:
    """Raise `ValueError` for an error response: it is fast, and would distort the result."""
    if "policyDocument" in response:
        is_rejected = response["policyDocument"]["Statement"][0]["Effect"] != "Allow"
    else:
        is_rejected = response["statusCode"] >= 400
    if is_rejected:
        raise ValueError(response)


def _events() -> dict[str, dict[str, Any]]:
    """Yield the events of each function, with their items stored."""
    add_examples()
    found = {
        it.name: json.loads((ROOT / f"events/{it.path.stem}.json").read_text())
        for it in waited_for()
    }
    response = create_session.handler(found["CreateSession"], Context())
    token = json.loads(response["body"])["accessToken"]
    found[AUTHORIZER] |= {"authorizationToken": f"Bearer {token}"}
    return found


@contextmanager
def _other_services() -> Iterator[dict[str, str]]:
    """The services other than DynamoDB on the local cloud's emulator, with this process's keys."""
    emulator = EmulatorProcess(
        HOME / "emulator", free_port(), free_port(), "shop", "us-east-1", sample=False
    )
    secret, parameter = setting("SIGNING_KEYS_SECRET"), setting("JWKS_PARAMETER")
    keys = shop.clients.secrets().get_secret_value(SecretId=secret)["SecretString"]
    published = shop.clients.parameters().get_parameter(Name=parameter)["Parameter"]["Value"]
    emulator.start()
    try:
        secrets, parameters, queues = (
            client(service, emulator.endpoint, emulator.region)
            for service in ("secretsmanager", "ssm", "sqs")
        )
        secrets.create_secret(Name=secret, SecretString=keys)
        parameters.put_parameter(Name=parameter, Value=published, Type="String")
        queue = queues.create_queue(QueueName="emails")["QueueUrl"]
        yield CREDENTIALS | {"AWS_ENDPOINT_URL": emulator.endpoint, "EMAILS_TO_SEND_QUEUE": queue}
    finally:
        emulator.stop()


def _setting_names() -> set[str]:
    deployed = [template()["Globals"]["Function"], *resources("AWS::Serverless::Function").values()]
    return {name for it in deployed for name in it.get("Environment", {}).get("Variables", {})}


def _hash_seconds() -> float:
    """Hash at the template's cost: the functions here use the minimum."""
    cost = int(template()["Parameters"]["BcryptCost"]["Default"])
    took = []
    for _ in range(5):
        began = time.process_time()
        bcrypt.hashpw(b"correct horse battery staple", bcrypt.gensalt(cost))
        took.append(time.process_time() - began)
    return median(took)
