"""Preflight checks an account and the parameters, and names remedies."""

from collections.abc import Iterator
from typing import Any  # Any: responses of AWS have many types

import pytest
from botocore.exceptions import ClientError, NoCredentialsError

from tests.support.sam_template import ROOT, resources
from tools import preflight
from tools.local_cloud.project import declared_parameters
from tools.preflight import MAX_STACK_NAME_LENGTH, Finding, Preflight, Verdict, is_ready, pairs

STACK = {"StackStatus": "UPDATE_COMPLETE", "Parameters": []}


def deployed(**parameters: str) -> dict[str, Any]:
    """A stack with the parameters of its last deployment."""
    described = [{"ParameterKey": it, "ParameterValue": parameters[it]} for it in parameters]
    return STACK | {"Parameters": described}


class NotFound(ClientError):
    """The error of SES for an unknown identity."""

    def __init__(self) -> None:
        super().__init__({"Error": {"Code": "NotFoundException"}}, "GetEmailIdentity")


class Account:
    """A deployment and all clients of its account; healthy unless a test changes it."""

    class exceptions:
        NotFoundException = NotFound

    class meta:
        region_name = "eu-west-1"

    def __init__(self, configured: dict[str, str] | None = None, **responses: Any) -> None:
        self.configured = {"Stage": "staging"} | (configured or {})
        self.stack = "shop-staging"
        self._responses = {
            "describe_stack": STACK,
            "get_caller_identity": {"Account": "123456789012", "Arn": "arn:aws:iam::1:user/ada"},
            "get_account_settings": {"AccountLimit": {"UnreservedConcurrentExecutions": 1000}},
            "describe_stacks": {"Stacks": [STACK]},
            "get_email_identity": {"VerifiedForSendingStatus": True},
            "describe_certificate": {"Certificate": {"Status": "ISSUED"}},
            "get_account": {"ProductionAccessEnabled": True, "cloudwatchRoleArn": "arn:aws:iam"},
        } | responses

    def client(self, service: str) -> "Account":
        return self

    def describe_stack(self) -> Any:
        response = self._responses["describe_stack"]
        if isinstance(response, Exception):
            raise response
        return response

    def __getattr__(self, operation: str) -> Any:
        if operation not in self._responses:
            raise AttributeError(operation)
        response = self._responses[operation]

        def call(**_: Any) -> Any:
            if isinstance(response, Exception):
                raise response
            return response

        return call


@pytest.fixture(autouse=True)
def this_machine(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(preflight, "built_architecture", lambda: "arm64")
    monkeypatch.setattr(preflight, "git", lambda *_: "")
    yield


def found(account: Account, subject: str, **given: str) -> Finding:
    # The account stands in for a deployment, as far as it is used.
    deployment: Any = account
    (finding,) = [it for it in Preflight(deployment, given).findings() if it.subject == subject]
    return finding


def test_complete_account_passes_with_a_list_of_checks() -> None:
    lines: list[str] = []
    deployment: Any = Account()

    assert is_ready(deployment, {}, lines.append)
    assert any("account 123456789012 in eu-west-1" in line for line in lines)
    assert len(lines) == 12


def test_new_account_passes() -> None:
    deployment: Any = Account(describe_stack=None, get_account_settings=FEW)

    assert is_ready(deployment, {}, lambda _: None)


def test_missing_credentials_skip_all_other_checks() -> None:
    lines: list[str] = []
    deployment: Any = Account(get_caller_identity=NoCredentialsError())

    assert not is_ready(deployment, {}, lines.append)
    assert "credentials: Unable to locate credentials" in lines[-1]


DOMAIN = {"DomainName": "api.example.com"}
CERTIFICATE = "arn:aws:acm:{}:123456789012:certificate/1"
DENIED = ClientError({"Error": {"Code": "AccessDenied", "Message": "no"}}, "GetAccount")
NO_STACK = ClientError({"Error": {"Code": "V", "Message": "it does not exist"}}, "DescribeStacks")
MAIL = {"MailFrom": "shop@example.com", "RecoveryPage": "https://example.com"}
SANDBOX = {"ProductionAccessEnabled": False}
PROD = {"Stage": "prod", "DataProtection": "on"}
FEW = {"AccountLimit": {"UnreservedConcurrentExecutions": 10}}
ENOUGH = {"AccountLimit": {"UnreservedConcurrentExecutions": 140}}
RUNBOOKS = "https://example.com/runbooks"
M, N, OK = Verdict.MISSING, Verdict.NOTE, Verdict.OK


@pytest.mark.parametrize(
    ("account", "subject", "verdict", "word"),
    [
        (Account({"Colour": "red"}), "parameters", M, "no parameter Colour"),
        (Account({"Rollout": "Slowly"}), "parameters", M, "one of AllAtOnce"),
        (Account({"ListShards": "many"}), "parameters", M, "must match"),
        (Account({"BcryptCost": "9"}), "parameters", M, "not a number"),
        (Account({"BcryptCost": "99"}), "parameters", M, "not a number"),
        (Account({"MailFrom": "shop@example.com"}), "parameters", M, "RecoveryPage"),
        (Account(DOMAIN), "parameters", M, "CertificateArn"),
        (Account({"RateLimitPerAddress": "50"}), "parameters", M, "at least 100"),
        (Account({"HashingConcurrency": "39"}), "parameters", M, "twice"),
        (Account(PROD), "parameters", OK, ""),
        (Account(PROD | {"DataProtection": "off"}), "parameters", M, "DataProtection=on"),
        (Account({"Stage": "local", "AllowedOrigins": "loopback"}), "parameters", OK, ""),
        (
            Account({"Stage": "staging", "AllowedOrigins": "https://a.example, loopback"}),
            *("parameters", M, "AllowedOrigins=loopback is for Stage=local only"),
        ),
        (Account(PROD | {"AllowedOrigins": "loopback"}), "parameters", M, "loopback"),
        (Account({"Architecture": "x86_64"}), "architecture", M, "ARCHITECTURE=x86_64"),
        (Account(), "architecture", OK, "arm64"),
        (Account(describe_stack=None), "stack", OK, "will be created"),
        (
            Account(describe_stack={"StackStatus": "REVIEW_IN_PROGRESS"}),
            "stack",
            OK,
            "will be created",
        ),
        (Account(describe_stack={"StackStatus": "ROLLBACK_COMPLETE"}), "stack", M, "delete"),
        (Account(describe_stack={"StackStatus": "UPDATE_ROLLBACK_FAILED"}), "stack", M, "events"),
        (Account(describe_stack={"StackStatus": "UPDATE_IN_PROGRESS"}), "stack", M, "events"),
        (Account(get_account_settings=FEW), "concurrency", N, "Service Quotas"),
        (
            Account({"HashingConcurrency": "40"}, get_account_settings=FEW),
            *("concurrency", M, "10 executions are free and 180 needed"),
        ),
        (Account(get_account_settings=ENOUGH), "concurrency", OK, "140"),
        (
            Account({"HashingConcurrency": "40"}, get_account_settings=ENOUGH),
            *("concurrency", M, "180 needed"),
        ),
        (
            Account(get_account_settings=ENOUGH, describe_stack=deployed(HashingConcurrency="40")),
            *("concurrency", OK, "220 executions are free, 80 will be reserved"),
        ),
        (Account(describe_stacks=NO_STACK), "upload bucket", N, "first deployment"),
        (Account(describe_stacks=DENIED), "upload bucket", M, "Log in"),
        (Account(), "mail", OK, "off"),
        (Account(MAIL), "mail", OK, "shop@example.com"),
        (Account(MAIL, get_email_identity=NotFound()), "mail", N, "link"),
        (Account(MAIL, get_account=SANDBOX), "mail", N, "sandbox"),
        (Account(MAIL | PROD, get_account=SANDBOX), "mail", M, "sandbox"),
        (
            Account(DOMAIN | {"CertificateArn": CERTIFICATE.format("us-east-1")}),
            *("certificate", M, "us-east-1"),
        ),
        (
            Account(DOMAIN | {"CertificateArn": CERTIFICATE.format("eu-west-1")}),
            *("certificate", OK, "issued"),
        ),
        (
            Account(
                DOMAIN | {"CertificateArn": CERTIFICATE.format("eu-west-1")},
                describe_certificate={"Certificate": {"Status": "PENDING_VALIDATION"}},
            ),
            *("certificate", M, "PENDING"),
        ),
        (Account(PROD), "alarms", N, "AlarmEmail"),
        (Account(), "alarms", OK, "AlarmEmail"),
        (Account(PROD | {"AlarmEmail": "ops@example.com"}), "alarms", OK, "ops@example.com"),
        (Account(PROD), "runbooks", N, "RunbookUrl"),
        (Account(), "runbooks", OK, "docs/runbooks"),
        (Account(PROD | {"RunbookUrl": RUNBOOKS}), "runbooks", OK, RUNBOOKS),
    ],
)
def test_each_missing_item_is_reported(
    account: Account, subject: str, verdict: Verdict, word: str
) -> None:
    finding = found(account, subject)

    assert finding.verdict is verdict, finding
    assert word in finding.detail


def test_access_logs_require_a_role_of_the_account_or_the_stack(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    known = {"AccessLogs": {"Type": "String"}, "CreateApiGatewayAccount": {"Type": "String"}}
    declared = declared_parameters(ROOT / "template.yaml") | known
    monkeypatch.setattr(preflight, "declared_parameters", lambda _: declared)
    without = Account({"AccessLogs": "on"}, get_account={})

    assert found(without, "access logs").verdict is Verdict.MISSING
    assert found(without, "access logs", CreateApiGatewayAccount="true").verdict is Verdict.OK
    assert found(Account({"AccessLogs": "on"}), "access logs").verdict is Verdict.OK
    assert found(Account(), "access logs").verdict is Verdict.OK


def test_prod_requires_a_clean_commit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(preflight, "git", lambda *_: " M template.yaml")

    assert found(Account(PROD), "git").verdict is Verdict.MISSING
    assert found(Account(), "git").verdict is Verdict.NOTE


def test_given_parameters_override_samconfig() -> None:
    assert found(Account(PROD), "parameters", Rollout="Slowly").verdict is Verdict.MISSING
    assert pairs("Ordering=off Rollout=AllAtOnce") == {"Ordering": "off", "Rollout": "AllAtOnce"}
    with pytest.raises(SystemExit):
        pairs("Ordering")


def test_deployed_parameters_are_kept_until_overridden() -> None:
    mailed = Account(describe_stack=deployed(**MAIL), get_account=SANDBOX)
    assert "sandbox" in found(mailed, "mail").detail
    assert found(mailed, "mail", MailFrom="").verdict is Verdict.OK

    linked = Account(describe_stack=deployed(RecoveryPage="https://example.com"))
    assert found(linked, "parameters", MailFrom="shop@example.com").verdict is Verdict.OK

    limited = Account(describe_stack=deployed(RateLimitPerAddress="50"))
    assert "at least 100" in found(limited, "parameters").detail
    assert found(limited, "parameters", RateLimitPerAddress="100").verdict is Verdict.OK


def test_unexecuted_change_set_keeps_no_parameters() -> None:
    untaken = deployed(MailFrom="shop@example.com") | {"StackStatus": "REVIEW_IN_PROGRESS"}

    assert found(Account(describe_stack=untaken), "mail").detail.startswith("off")


def test_parameter_removed_from_the_template_is_dropped() -> None:
    assert found(Account(describe_stack=deployed(Colour="red")), "parameters").verdict is Verdict.OK


def test_deployed_value_no_longer_allowed_is_reported() -> None:
    finding = found(Account(describe_stack=deployed(BcryptCost="9")), "parameters")

    assert finding.verdict is Verdict.MISSING and "BcryptCost=9" in finding.detail


def test_parameters_are_not_reported_without_a_known_deployment() -> None:
    lines: list[str] = []
    deployment: Any = Account(describe_stack=DENIED)

    assert not is_ready(deployment, {}, lines.append)
    assert "stack: An error occurred (AccessDenied)" in lines[-1]


def test_stack_name_leaves_room_for_derived_names() -> None:
    account = Account()
    account.stack = "s" * MAX_STACK_NAME_LENGTH
    assert found(account, "stack").verdict is Verdict.OK
    account.stack += "s"
    assert found(account, "stack").verdict is Verdict.MISSING

    made = [
        str(rule["SamplingRule"]["RuleName"]["Fn::Sub"]).replace("${Shop}", "")
        for rule in resources("AWS::XRay::SamplingRule").values()
    ]
    assert max(len(name) for name in made) + MAX_STACK_NAME_LENGTH == 32  # X-Ray's limit
