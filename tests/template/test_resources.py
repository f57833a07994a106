"""Rules of the template that no linter checks."""

import importlib
import json
import re
import subprocess
import tomllib
from typing import Any

import pytest

from tests.support.expanded_template import of_type, translated
from tests.support.sam_template import ROOT, functions, invoked_function, resources, template
from tools.local_cloud.project import read_project
from tools.openapi.gateway import gateway_document

# Wildcards for all versions of one function, all names of this stack, alarms, read only, and the
# keys of idempotency rows of emails
BOUNDED = re.compile(
    r"Arn}:\*|\${AWS::StackName}-(ServerlessDeploymentApplication-)?\*|:alarm:\*|mail#\*"
)


FUNCTIONS = resources("AWS::Serverless::Function")


@pytest.fixture(scope="module")
def expanded() -> dict[str, dict[str, Any]]:
    return translated()


@pytest.mark.parametrize(
    "layer", ["ShopLayer", "DependenciesLayer", "SigningLayer", "RpcLayer", "GraphQlLayer"]
)
def test_layer_change_reaches_every_alias_of_its_functions(
    expanded: dict[str, dict[str, Any]], layer: str
) -> None:
    changed = translated(**{layer: "another"})

    before = set(of_type(expanded, "AWS::Lambda::Version"))
    after = set(of_type(changed, "AWS::Lambda::Version"))
    assert len(before) == len(after) == len(functions())
    attached = [it.layers for it in read_project(ROOT / "template.yaml").functions]
    assert len(after - before) == len([it for it in attached if layer in it])


def test_head_routes_are_pages_probes_and_public_keys() -> None:
    pages = {
        *("GET /", "GET /docs", "GET /docs/{asset}", "GET /recovery"),
        *("GET /health", "GET /ready", "GET /openapi.json"),
        *("GET /oauth/authorize", "GET /.well-known/{document}"),
    }

    with_head = {function.route for function in functions() if function.has_head}
    assert with_head == pages | {"GET /.well-known/jwks.json"}, (
        "add a page or probe to `pages` of this test"
    )
    for function in functions():
        if function.route and function.route != "OPTIONS /{proxy+}":
            handler = importlib.import_module(function.module).handler
            assert handler.is_page is (function.route in pages), function.name


def test_gateway_invokes_deployed_functions_with_its_own_role(
    expanded: dict[str, dict[str, Any]],
) -> None:
    role = {"Fn::GetAtt": ["GatewayRole", "Arn"]}
    (api,) = of_type(expanded, "AWS::ApiGateway::RestApi").values()
    names = {it["FunctionName"]["Fn::Sub"] for it in FUNCTIONS.values()}
    integrations = [
        operation["x-amazon-apigateway-integration"]
        for path in api["Body"]["paths"].values()
        for operation in path.values()
    ]
    scheme = api["Body"]["components"]["securitySchemes"]["AccessToken"]
    authorizer = scheme["x-amazon-apigateway-authorizer"]
    invoked = {invoked_function(it["uri"]) for it in integrations}
    invoked |= {invoked_function(authorizer["authorizerUri"])}

    assert names == {f"${{AWS::StackName}}-{name}" for name in FUNCTIONS}
    assert invoked <= FUNCTIONS.keys()
    assert all(it["credentials"] == role for it in integrations)
    assert authorizer["authorizerCredentials"] == role
    (policy,) = expanded["GatewayRole"]["Properties"]["Policies"]
    (statement,) = policy["PolicyDocument"]["Statement"]
    assert statement["Action"] == "lambda:InvokeFunction"
    assert [it["Fn::Sub"].partition(":function:")[2] for it in statement["Resource"]] == [
        f"${{AWS::StackName}}-{name}:live" for name in sorted(invoked)
    ]
    assert not of_type(expanded, "AWS::Lambda::Permission").keys() - {
        "RotateSigningKeysMonthlyPermission"
    }


def test_every_function_has_its_own_role_with_named_grants_only(
    expanded: dict[str, dict[str, Any]],
) -> None:
    basic = {"AWSLambdaBasicExecutionRole", "AWSXrayWriteOnlyAccess", "AWSXRayDaemonWriteAccess"}
    roles = of_type(expanded, "AWS::IAM::Role")
    used = [f["Role"]["Fn::GetAtt"][0] for f in of_type(expanded, "AWS::Lambda::Function").values()]
    roles.pop("ApiGatewayRole")  # the gateway's own, the same in every account

    assert sorted([*used, "DeploymentRole", "GatewayRole"]) == sorted(roles)
    for name, role in roles.items():
        managed = json.dumps(role.get("ManagedPolicyArns", []))
        assert managed.count("arn:") == sum(policy in managed for policy in basic), name
        for policy in role.get("Policies", []):
            for statement in policy["PolicyDocument"]["Statement"]:
                if "ses:FromAddress" not in json.dumps(statement):  # bounds it instead
                    assert "*" not in BOUNDED.sub("", json.dumps(statement)), name
                assert statement["Effect"] == "Allow"


def functions_allowed(action_prefix: str, resource: str) -> set[str]:
    """Return the functions with a policy for such actions on such a resource."""
    found = set()
    for name, properties in resources("AWS::Serverless::Function").items():
        for policy in properties.get("Policies", []):
            for statement in policy["Statement"]:
                allows = action_prefix in json.dumps(statement["Action"])
                if allows and resource in json.dumps(statement["Resource"]):
                    found.add(name)
    return found


def test_credentials_are_accessible_to_the_functions_that_need_them_only() -> None:
    table = "CredentialsTable"
    proving = {"ReplaceUser", "UpdateUser", "ChangePassword", "CreateAuthenticator"}
    making = {"CreateUser", "CreateAdmin", "ReplaceUser", "UpdateUser"}
    recovering = {"CompletePasswordReset", "SendEmail"}

    assert functions_allowed("dynamodb:GetItem", table) == proving | recovering | {"DeleteUser"}
    assert functions_allowed("dynamodb:PutItem", table) == making
    assert functions_allowed("dynamodb:BatchGetItem", table) == {"CreateSession"}
    assert functions_allowed("dynamodb:UpdateItem", table) == {
        *("ChangePassword", "CompletePasswordReset", "CreateSession")
    }
    assert functions_allowed("dynamodb:DeleteItem", table) == {
        "ReplaceUser",
        "UpdateUser",
        "DeleteUser",
    }
    others = {"CreateSession", "DeleteUser"}
    assert functions_allowed("dynamodb:", table) == proving | making | recovering | others


def test_email_worker_reads_addresses_and_never_a_hash() -> None:
    (statement,) = [
        statement
        for policy in resources("AWS::Serverless::Function")["SendEmail"]["Policies"]
        for statement in policy["Statement"]
        if "CredentialsTable" in json.dumps(statement)
    ]

    assert statement["Action"] == "dynamodb:GetItem"
    assert statement["Condition"] == {
        "ForAllValues:StringEquals": {"dynamodb:Attributes": ["email", "user_id"]},
        "StringEquals": {"dynamodb:Select": "SPECIFIC_ATTRIBUTES"},
    }


def test_publisher_reads_the_deleting_request_and_no_session() -> None:
    (statement,) = [
        statement
        for policy in resources("AWS::Serverless::Function")["PublishEvents"]["Policies"]
        for statement in policy["Statement"]
        if "SessionsTable" in json.dumps(statement)
    ]

    assert statement["Action"] == "dynamodb:GetItem"
    assert statement["Condition"] == {
        "ForAllValues:StringEquals": {"dynamodb:Attributes": ["id", "request_id", "user_id"]},
        "StringEquals": {"dynamodb:Select": "SPECIFIC_ATTRIBUTES"},
    }


def test_attempts_are_accessible_to_limited_functions_only() -> None:
    asking = {"CreateEmailVerification", "CreatePasswordReset", "CreateUser"}
    proving = {"CreateSession", "ChangePassword", "ReplaceUser", "UpdateUser"}

    proving |= {"CreateAuthenticator", "ConfirmAuthenticator", "CreateRecoveryCodes"}
    proving |= {"CreatePasskeySession"}
    # GraphQL counts the changes of a profile.
    asking |= {"ExecuteGraphQl"}

    assert functions_allowed("dynamodb:UpdateItem", "AttemptsTable") == asking | proving
    assert functions_allowed("dynamodb:", "AttemptsTable") == {
        *asking,
        *proving,
        "CompletePasswordReset",
    }


def test_recovery_tokens_are_created_by_the_mailer_and_spent_by_their_routes() -> None:
    table = "RecoveryTokensTable"
    spending = {"CompleteEmailVerification", "CompletePasswordReset"}

    assert functions_allowed("dynamodb:PutItem", table) == {"SendEmail"}
    assert functions_allowed("dynamodb:DeleteItem", table) == spending | {"DeleteUser"}
    assert functions_allowed("dynamodb:GetItem", table) == spending
    assert functions_allowed("dynamodb:", table) == {"SendEmail", "DeleteUser"} | spending


def test_private_keys_are_read_by_signers_and_written_by_key_functions() -> None:
    keys, makers = "SigningKeysSecret", {"CreateSigningKeys", "RotateSigningKeys"}

    assert functions_allowed("secretsmanager:GetSecretValue", keys) == {
        *("CreateAccessToken", "CreatePasskeySession", "CreateSession", "CreateToken"),
        *makers,
    }
    assert functions_allowed("secretsmanager:PutSecretValue", keys) == makers
    assert functions_allowed("ssm:PutParameter", "jwks") == makers


def test_secret_of_second_factors_is_read_by_functions_of_codes_and_challenges_only() -> None:
    codes = {"CreateSession", "CreateAuthenticator", "ConfirmAuthenticator", "CreateRecoveryCodes"}
    challenges = {"CreatePasskeyChallenge", "CreatePasskey", "CreatePasskeySession"}

    found = functions_allowed("secretsmanager:GetSecretValue", "SecondFactorSecret")
    assert found == codes | challenges


def test_secret_of_webhooks_is_read_by_three_functions() -> None:
    assert functions_allowed("secretsmanager:", "WebhookSecret") == {
        *("CreateWebhookEndpoint", "ChangeWebhookSecret", "SendWebhooks")
    }


def test_worker_of_webhooks_reaches_no_data_of_users() -> None:
    policies = json.dumps(resources("AWS::Serverless::Function")["SendWebhooks"]["Policies"])

    assert set(re.findall(r"(\w+)Table", policies)) == {"Webhooks"}
    assert functions_allowed("sqs:SendMessage", "WebhooksToSend") == {
        *("CreateWebhookDelivery", "SendWebhooks")
    }


def test_webhooks_reach_loopback_in_the_local_stage_only() -> None:
    (assertion,) = template()["Rules"]["LoopbackWebhooksAreLocal"]["Assertions"]

    assert template()["Parameters"]["WebhookTargets"]["Default"] == "public"
    assert assertion["Assert"] == {"Fn::Equals": [{"Ref": "WebhookTargets"}, "public"]}
    config = tomllib.loads((ROOT / "samconfig.toml").read_text())
    for environment in ("staging", "prod"):
        parameters = config[environment]["deploy"]["parameters"]["parameter_overrides"]
        assert "WebhookTargets" not in parameters


def test_signing_keys_rotate_every_30_days_and_by_no_route() -> None:
    (event,) = resources("AWS::Serverless::Function")["RotateSigningKeys"]["Events"].values()

    assert event["Type"] == "Schedule"
    assert event["Properties"]["Schedule"] == "rate(30 days)"


def test_template_contains_no_secret() -> None:
    secrets = resources("AWS::SecretsManager::Secret")

    assert secrets["SigningKeysSecret"].keys() == {"Description"}
    # Secrets Manager generates the value.
    assert secrets["WebhookSecret"].keys() == {"Description", "GenerateSecretString"}
    assert secrets["WebhookSecret"]["GenerateSecretString"]["PasswordLength"] == 64
    assert not any("Password" in name or "Secret" in name for name in template()["Parameters"])


def test_every_function_publishes_all_its_properties_and_logs_to_a_shared_group() -> None:
    shared = template()["Globals"]["Function"]
    groups = resources("AWS::Logs::LogGroup")

    assert set(groups) == {"HttpLogs", "WorkerLogs", "OpsLogs", "GatewayLogs"}
    assert all(group["RetentionInDays"] for group in groups.values())
    assert shared["LoggingConfig"]["LogGroup"]["Ref"] == "HttpLogs"
    for properties in resources("AWS::Serverless::Function").values():
        assert properties.get("LoggingConfig", shared["LoggingConfig"])["LogGroup"]["Ref"] in groups
    for name, properties in resources("AWS::Serverless::LayerVersion").items():
        assert properties["PublishLambdaVersion"] is True, name


def test_tables_are_encrypted_on_demand_and_retained_if_not_rebuildable() -> None:
    kept = {"UsersTable", "CredentialsTable", "SessionsTable", "ProductsTable", "OrdersTable"}

    for name, properties in resources("AWS::DynamoDB::Table").items():
        # AWS owned key: docs/decisions/024-aws-owned-key-for-tables.md
        assert "SSESpecification" not in properties
        assert properties["BillingMode"] == "PAY_PER_REQUEST"
        if name in kept:
            policy = template()["Resources"][name]
            assert policy["UpdateReplacePolicy"] == "Retain"
            assert policy["DeletionPolicy"] == "RetainExceptOnCreate"
            assert "DeletionProtectionEnabled" in properties
            assert "PointInTimeRecoverySpecification" in properties
    production = (ROOT / "samconfig.toml").read_text().split("[prod.")[-1]
    assert "DataProtection=on" in production


def test_template_has_no_circular_reference_to_the_api() -> None:
    text = json.dumps([template()["Globals"], resources("AWS::Serverless::Function")])
    text = text.replace('"RestApiId": {"Ref": "Api"}', "")

    for way in ('{"Ref": "Api', '{"Fn::GetAtt": "Api', "${Api"):
        assert way not in text


SECURITY_HEADERS = {
    "Strict-Transport-Security",
    "X-Content-Type-Options",
    "X-Frame-Options",
    "Referrer-Policy",
    "Content-Security-Policy",
    "Cross-Origin-Resource-Policy",
    "Access-Control-Allow-Origin",
    "Access-Control-Expose-Headers",
    "X-Request-Id",
}
GATEWAY_ERRORS = gateway_document()["x-amazon-apigateway-gateway-responses"]


@pytest.mark.parametrize("type_", sorted(GATEWAY_ERRORS))
def test_gateway_errors_have_the_api_format_and_headers(type_: str) -> None:
    response = GATEWAY_ERRORS[type_]
    headers = {
        name.removeprefix("gatewayresponse.header.") for name in response["responseParameters"]
    }
    error = json.loads(response["responseTemplates"]["application/json"])["error"]

    assert headers >= SECURITY_HEADERS
    assert error.keys() == {"code", "message", "requestId"}
    assert error["requestId"] == "$context.requestId"
    assert ("WWW-Authenticate" in headers) == (error["code"] == "UNAUTHORIZED")
    assert ("Retry-After" in headers) == (response["statusCode"] in ("429", "503"))


def test_failing_authorizer_or_function_is_503_and_a_denied_token_401() -> None:
    for type_ in (
        "AUTHORIZER_FAILURE",
        "AUTHORIZER_CONFIGURATION_ERROR",
        "INTEGRATION_FAILURE",
        "INTEGRATION_TIMEOUT",
    ):
        assert GATEWAY_ERRORS[type_]["statusCode"] == "503"
    for type_ in ("ACCESS_DENIED", "UNAUTHORIZED"):
        assert GATEWAY_ERRORS[type_]["statusCode"] == "401"
    assert GATEWAY_ERRORS["MISSING_AUTHENTICATION_TOKEN"]["statusCode"] == "404"


def test_sign_up_and_login_have_tighter_throttles() -> None:
    settings = {
        (s["HttpMethod"], s["ResourcePath"]): s
        for s in resources("AWS::Serverless::Api")["Api"]["MethodSettings"]
    }

    # CloudFormation requires ~1 for the slashes of a method's path.
    for path in ("/~1api~1users", "/~1api~1sessions", "/~1api~1password-resets"):
        assert settings["POST", path]["ThrottlingRateLimit"] == {"Ref": "HashingRequestRate"}
    assert settings["*", "/*"]["ThrottlingRateLimit"] == {"Ref": "RequestRate"}
    parameters = template()["Parameters"]
    assert parameters["HashingRequestRate"]["Default"] < parameters["RequestRate"]["Default"]


def test_gateway_throttles_before_reserved_concurrency_is_used_up() -> None:
    defaults = {name: p.get("Default") for name, p in template()["Parameters"].items()}
    setting = resources("AWS::Serverless::Api")["Api"]["MethodSettings"][1]
    assert setting["ThrottlingBurstLimit"] == setting["ThrottlingRateLimit"]
    config = tomllib.loads((ROOT / "samconfig.toml").read_text())
    environments = [e["deploy"]["parameters"] for e in config.values() if isinstance(e, dict)]

    for environment in environments:
        overrides = dict(pair.split("=") for pair in environment["parameter_overrides"].split())
        chosen = defaults | overrides
        reserved = int(chosen["HashingConcurrency"])
        # A full burst and one second of the rate, since a request ends within a second.
        assert reserved == 0 or 2 * int(chosen["HashingRequestRate"]) <= reserved
    assert defaults["HashingConcurrency"] == 0
    for name in ("CreateUser", "CreateSession"):
        function = resources("AWS::Serverless::Function")[name]
        assert function["ReservedConcurrentExecutions"]["Fn::If"][0] == "ReservesHashing"


def test_every_stage_has_an_environment() -> None:
    config = (ROOT / "samconfig.toml").read_text()

    for environment in ("default", "staging", "prod"):
        assert f"[{environment}.deploy.parameters]" in config


@pytest.mark.parametrize(
    ("group", "name"),
    [
        ("lambda", "requirements.txt"),
        ("signing", "signing-requirements.txt"),
        ("rpc", "rpc-requirements.txt"),
        ("graphql", "graphql-requirements.txt"),
    ],
)
def test_dependency_layers_install_the_locked_versions(
    tmp_path: Any, group: str, name: str
) -> None:
    fresh = tmp_path / name
    subprocess.run(
        ["uv", "export", "--frozen", "--quiet", "--only-group", group, "--no-annotate"]
        + ["--no-header", "--output-file", str(fresh)],
        cwd=ROOT,
        check=True,
    )

    committed = ROOT / "layers/dependencies" / name
    assert committed.read_text() == fresh.read_text(), "run: make generate"


def test_quick_hashes_are_for_the_local_stage_only() -> None:
    rule = template()["Rules"]["WeakHashesAreLocal"]
    cost = template()["Parameters"]["BcryptCost"]

    assert rule["RuleCondition"] == {"Fn::Not": [{"Fn::Equals": [{"Ref": "Stage"}, "local"]}]}
    (assertion,) = rule["Assertions"]
    assert assertion["Assert"] == {"Fn::Not": [{"Fn::Equals": [{"Ref": "BcryptCost"}, 5]}]}
    assert cost["AllowedValues"] == [5, *range(10, 16)] and cost["Default"] >= 12
