"""Artefacts of `sam build`: complete, compiled, and no heavier than each function needs.

A bare interpreter imports the handlers from the built folders alone. The packages of the emulator
or of these tests would hide a dependency missing from the layer.
"""

import json
import os
import shutil
import ssl
from base64 import b64decode, b64encode
from collections.abc import Mapping, Set
from pathlib import Path
from typing import Any  # Any: events and responses of AWS

import botocore
import pytest

from shop import clients
from shop.clock import now, to_text
from shop.config import setting
from shop.docs.assets import docs_asset
from tests.routes import (
    BCRYPT,
    EMAIL_VALIDATOR,
    KEYS,
    POWERTOOLS,
    SIGNED,
    STORED,
    VALIDATED,
    expected_of,
)
from tests.support.aws_mock import fresh_aws
from tests.support.bare_interpreter import LAYERS, run_bare
from tests.support.installed_files import remedy, shared_files
from tests.support.rpc_calls import headers_of, message_of
from tests.support.sam_template import ROOT, Function, functions, resources
from tests.support.sample_items import add_examples
from tests.support.stored_passkeys import StoredPasskeys
from tools.local_cloud.project import read_project
from tools.local_cloud.stack import LocalStack

HEAVY = (
    *(BCRYPT, EMAIL_VALIDATOR, POWERTOOLS),
    *("boto3", "botocore.session", "cryptography", "cryptography.x509.name"),
    *("google.protobuf", "graphql", "jwt", "pydantic", "s3transfer"),
)
MASTER_SECRETS = ("SECOND_FACTOR_SECRET", "WEBHOOK_SECRET")
# Functions without a route; tests/routes.py has the others.
MAY_LOAD: Mapping[str, Set[str]] = {
    "Authorizer": SIGNED,
    "CheckBeforeTraffic": STORED,
    "CreateAdmin": VALIDATED,
    "ChangeUserStatus": VALIDATED,
    "EndSessions": VALIDATED,
    "ResetSecondFactors": VALIDATED,
    "ResendMail": VALIDATED,
    "CreateSigningKeys": KEYS | STORED,
    "RotateSigningKeys": KEYS | STORED,
    "UpdateReadModels": STORED,
    "PublishEvents": VALIDATED,
    "StartProcessing": VALIDATED,
    "SendEmail": VALIDATED,
    "SendWebhooks": STORED,
}
# Modules that the first request loads in addition.
LOADS_LATER: Mapping[str, Set[str]] = {"CreateAdmin": {BCRYPT, EMAIL_VALIDATOR}}

# The first request has a wrong code; that of new recovery codes, a user without an app.
REJECTED = {"ConfirmAuthenticator": 401, "CreateRecoveryCodes": 404}


@pytest.fixture(scope="module")
def build(stack: LocalStack) -> Path:
    return stack.home / "build"


@pytest.fixture(scope="module")
def aws() -> dict[str, Any]:
    """Responses for `first_request`: all items that the events in events/ refer to."""
    with fresh_aws():
        passkeys = StoredPasskeys(add_examples())
        bodies = {it.route: body for it in functions() if (body := passkeys.body_of(it.route))}
        names = clients.dynamodb().list_tables()["TableNames"]
        tables = {name: clients.dynamodb().scan(TableName=name)["Items"] for name in names}
        secrets = {
            name: clients.secrets().get_secret_value(SecretId=name)
            for name in map(setting, ("SIGNING_KEYS_SECRET", *MASTER_SECRETS))
        }
        secret = secrets[setting("SIGNING_KEYS_SECRET")]
        jwks = clients.parameters().get_parameter(Name=setting("JWKS_PARAMETER"))
    return {
        "bodies": bodies,
        "tables": tables,
        "responses": {
            "Query": {"Items": []},
            "BatchWriteItem": {"UnprocessedItems": {}},
            "GetParameter": {"Parameter": {"Value": jwks["Parameter"]["Value"]}},
            "GetSecretValue": {
                name: {part: it[part] for part in ("SecretString", "VersionId")}
                for name, it in secrets.items()
            },
            "DescribeSecret": {"VersionIdsToStages": {secret["VersionId"]: ["AWSCURRENT"]}},
            "PutEvents": {"Entries": [{}]},
        },
    }


def event_of(function: Function) -> Any:
    text = (ROOT / f"events/{function.path.stem}.json").read_text()
    text = text.replace("table/UsersTable/", f"table/{setting('USERS_TABLE')}/")
    # Emails for old events are not sent, so the event needs a current time.
    event = json.loads(text.replace("2026-11-22T12:00:00.000Z", to_text(now())))
    # The URL for CloudFormation's response, here without a network.
    return event | ({"ResponseURL": "data:,"} if "ResponseURL" in event else {})


FIRST_REQUEST = (ROOT / "tests/support/first_request.py").read_text()


def layers(function: str) -> list[str]:
    project = read_project(ROOT / "template.yaml")
    [attached] = [it.layers for it in project.functions if it.logical_id == function]
    return [f"{layer}/python" for layer in attached]


@pytest.mark.parametrize("function", functions(), ids=lambda function: function.name)
def test_built_handler_and_its_first_request_load_allowed_modules_only(
    build: Path, aws: dict[str, Any], function: Function
) -> None:
    """Run every event to success, with four exceptions.

    Lists are empty, the authorizer rejects its token, CodeDeploy has no deployment, and no code of
    an app is right. So imports
    for list items, or for other inputs, are not covered.
    """
    given = aws | {
        "module": function.path.stem,
        "event": event_of(function),
        "settings": dict(os.environ),
        "watched": HEAVY,
    }
    if body := aws["bodies"].get(function.route):
        given["event"] |= {"body": json.dumps(body), "isBase64Encoded": False}
    # DynamoDB sends bytes as base64.
    text = json.dumps(given, default=lambda binary: b64encode(binary).decode())

    printed = run_bare(build, [function.name, *layers(function.name)], FIRST_REQUEST, text)

    report = json.loads(printed.splitlines()[-1])
    if function.route:
        expected = expected_of(function.route)
        at_import, later = expected.loads, expected.loads_later
        row = f"`loads` or `loads_later` of {function.route} in tests/routes.py"
    else:
        at_import = MAY_LOAD.get(function.name, set())
        later = LOADS_LATER.get(function.name, set())
        row = f"the row of {function.name} in MAY_LOAD or LOADS_LATER of this file"
    assert set(report["imported"]) == at_import, f"import less, or change {row}"
    assert set(report["later"]) == later, f"import less, or change {row}"
    response = report["response"] or {}
    if function.name in REJECTED:
        assert response["statusCode"] == REJECTED[function.name], printed
        return
    assert response.get("statusCode", 200) < 400 and not response.get("batchItemFailures"), printed


@pytest.mark.parametrize(
    "function", [it for it in functions() if it.rpc], ids=lambda function: function.name
)
def test_first_rpc_loads_protobuf_which_other_requests_do_not(
    build: Path, aws: dict[str, Any], function: Function
) -> None:
    """Call the RPC with the ids and the body of the event of REST."""
    event = event_of(function)
    body = json.loads(b64decode(event["body"])) if event["body"] else {}
    assert function.rpc
    message = message_of(function.rpc.rpartition(".")[2], body | (event["pathParameters"] or {}))
    # Its own context, since the authorizer and the headers are those of the route.
    event |= {
        "resource": function.rpc,
        "path": function.rpc,
        "httpMethod": "POST",
        "pathParameters": None,
        "multiValueHeaders": {
            **event["multiValueHeaders"],
            **{name: [text] for name, text in headers_of("connect").items()},
        },
        "body": b64encode(message.SerializeToString()).decode(),
        "isBase64Encoded": True,
    }
    given = aws | {
        "module": function.path.stem,
        "event": event,
        "settings": dict(os.environ),
        "watched": [*HEAVY, "shop.rpc"],
    }
    text = json.dumps(given, default=lambda binary: b64encode(binary).decode())

    printed = run_bare(build, [function.name, *layers(function.name)], FIRST_REQUEST, text)

    report = json.loads(printed.splitlines()[-1])
    assert set(report["imported"]) == expected_of(function.route or "").loads
    assert set(report["later"]) == {"google.protobuf", "shop.rpc"}
    assert report["response"]["statusCode"] == 200, printed
    assert report["response"]["isBase64Encoded"] is True


def test_layer_of_rpcs_has_nothing_else(build: Path) -> None:
    folder = build / "RpcLayer/python/google"

    assert {it.name for it in folder.iterdir()} == {"_upb", "protobuf", "rpc"}


def test_layer_has_exactly_the_services_that_functions_call(build: Path) -> None:
    code = (
        "from shop import clients\n"
        "clients.dynamodb(), clients.secrets(), clients.parameters()\n"
        "clients.events(), clients.queues(), clients.mail()\n"
        "clients.deployments(), clients.functions()\n"
        "import botocore.session; print(*botocore.session.get_session().get_available_services())"
    )

    listed = (ROOT / "layers/dependencies/services.txt").read_text().split()
    assert run_bare(build, LAYERS, code).split() == listed


@pytest.mark.parametrize("partition", ["us-east-1", "eu-central-1", "cn-north-1", "us-gov-west-1"])
def test_client_has_the_endpoint_of_unabridged_botocore(build: Path, partition: str) -> None:
    services = (ROOT / "layers/dependencies/services.txt").read_text().split()
    code = (
        "import botocore.session; session = botocore.session.get_session()\n"
        f"for service in {services}:\n"
        f"    client = session.create_client(service, region_name={partition!r},\n"
        "        aws_access_key_id='x', aws_secret_access_key='x')\n"
        "    print(client.meta.endpoint_url, client._request_signer.signing_name)\n"
        "    print(*sorted(client.meta.method_to_api_mapping))"
    )
    whole = str(Path(botocore.__file__).parent.parent)

    assert run_bare(build, LAYERS, code) == run_bare(build, [whole], code)


def test_clients_trust_amazon_root_certificates_only(build: Path) -> None:
    trusted = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    trusted.load_verify_locations(build / "DependenciesLayer/python/botocore/cacert.pem")

    subjects = [json.dumps(it["subject"]) for it in trusted.get_ca_certs()]
    # https://www.amazontrust.com/repository/ recommends these five for custom trust stores.
    names = [f"Amazon Root CA {number}" for number in range(1, 5)]
    names += ["Starfield Services Root Certificate Authority - G2"]
    assert len(subjects) == len(names)
    assert all(any(f'"{name}"' in it for it in subjects) for name in names)


def test_client_of_a_service_outside_the_layer_is_unknown(build: Path) -> None:
    code = (
        "import botocore.session, botocore.exceptions\n"
        "try: botocore.session.get_session().create_client('s3')\n"
        "except botocore.exceptions.UnknownServiceError: print('unknown')"
    )

    assert run_bare(build, LAYERS, code).strip() == "unknown"


def test_client_is_created_during_sandbox_initialization(build: Path) -> None:
    code = (
        "import os; os.environ['AWS_LAMBDA_INITIALIZATION_TYPE'] = 'on-demand'\n"
        "from get_user import handler\n"
        "from shop import clients; print(clients.dynamodb.cache_info().currsize)"
    )

    assert run_bare(build, ["GetUser", *LAYERS], code).strip() == "1"


def test_lazily_imported_packages_are_in_the_layer(build: Path) -> None:
    code = (
        "import os; os.environ['BCRYPT_COST'] = '4'\n"
        "from shop.identity.passwords import password_violation, hash_password, password_matches\n"
        "from shop.email_addresses import canonical_email\n"
        "hashed = hash_password('x'); assert password_matches('x', hashed)\n"
        "assert password_violation('password1', '')\n"
        "print(canonical_email('Ada@Example.com'))"
    )

    assert run_bare(build, LAYERS, code).strip() == "ada@example.com"


@pytest.mark.parametrize("layer", sorted(resources("AWS::Serverless::LayerVersion")))
def test_layer_modules_are_compiled_with_unchecked_hashes(build: Path, layer: str) -> None:
    sources = list((build / layer).rglob("*.py"))

    assert sources
    for source in sources:
        compiled = source.parent / "__pycache__" / f"{source.stem}.cpython-313.pyc"
        flags = int.from_bytes(compiled.read_bytes()[4:8], "little")
        assert flags == 0b01, source  # PEP 552: unchecked hash


@pytest.mark.parametrize(
    ("layer", "unpacked", "zipped"),
    [
        ("DependenciesLayer", 30_000_000, 9_000_000),
        ("SigningLayer", 20_000_000, 6_500_000),
        ("RpcLayer", 3_500_000, 1_200_000),
        ("GraphQlLayer", 4_500_000, 1_500_000),
        ("ShopLayer", 3_100_000, 1_350_000),
    ],
)
def test_layers_stay_small(
    build: Path, tmp_path: Path, layer: str, unpacked: int, zipped: int
) -> None:
    archive = shutil.make_archive(str(tmp_path / "layer"), "zip", build / layer)

    files = [path for path in (build / layer).rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) < unpacked
    assert Path(archive).stat().st_size < zipped


def test_layer_files_belong_to_one_distribution(build: Path) -> None:
    shared = shared_files(*build.glob("*Layer/python"))

    assert not shared, remedy(shared)


def test_openapi_document_is_in_the_layer(build: Path) -> None:
    built = build / "ShopLayer/python/shop/system/openapi.json"

    assert built.read_bytes() == (ROOT / "docs/openapi.json").read_bytes()


@pytest.mark.parametrize(
    "name",
    [
        *("oauth2-redirect.html", "oauth2-redirect.js", "page.css", "page.js"),
        *("schema.graphql", "shop.proto", "swagger-ui.css", "swagger-ui.js"),
    ],
)
def test_docs_page_assets_are_in_the_layers(build: Path, name: str) -> None:
    code = f"from shop.docs.assets import docs_asset; print(docs_asset({name!r}, False).entity_tag)"

    assert run_bare(build, LAYERS, code).strip() == docs_asset(name, False).entity_tag
