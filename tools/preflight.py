"""``make preflight``: whether an account has what a deployment needs, and what to do where not."""

import argparse
import re
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any  # a template's parameters and AWS's answers are of many types

import yaml
from botocore.exceptions import BotoCoreError, ClientError

from tools.deployments import ROOT, Deployment

UNRESERVED = 100  # executions that Lambda keeps for all functions where some are reserved for one
MAX_DESCRIPTION = 256  # of a version
MAX_STACK = 18  # of the 32 characters of a sampling rule's name, which says besides what of
DESCRIBING = (
    *("LogLevel", "BcryptCost", "ListShards", "TokenIssuer", "TokenAudience", "TokenClientId"),
    *("MailFrom", "RecoveryPage", "AllowedOrigins"),
)
_BUILT = ROOT / ".aws-sam/build/DependenciesLayer/python"
_MACHINES = {"aarch64": "arm64", "x86_64": "x86_64"}


class Verdict(StrEnum):
    OK = "ok"
    NOTE = "note"  # does not keep anybody from deploying
    MISSING = "MISSING"


@dataclass(frozen=True)
class Finding:
    verdict: Verdict
    about: str
    said: str  # how it is, or what to do

    def __str__(self) -> str:
        return f"  {self.verdict:7}  {self.about}: {self.said}"


def ok(about: str, said: str) -> Finding:
    return Finding(Verdict.OK, about, said)


def note(about: str, said: str) -> Finding:
    return Finding(Verdict.NOTE, about, said)


def missing(about: str, said: str) -> Finding:
    return Finding(Verdict.MISSING, about, said)


class Preflight:
    """`given` are parameters besides those of samconfig.toml."""

    def __init__(self, deployment: Deployment, given: dict[str, str]) -> None:
        self._deployment = deployment
        self._declared = declared_parameters()
        self._given = deployment.wanted | given
        self._before: dict[str, str] = {}
        self._chosen: dict[str, str] = {}  # nothing as long as nobody knows what is deployed
        self._region = ""

    def findings(self) -> Iterator[Finding]:
        """Without credentials, or what is deployed, nothing else can be told."""
        credentials = self._asked("credentials", self._credentials)
        yield credentials
        if credentials.verdict is Verdict.MISSING:
            return
        yield self._asked("stack", self._stack)
        if not self._chosen:
            return
        yield from self._parameters()
        yield self._architecture()
        yield self._tree()
        checks = {
            "concurrency": self._concurrency,
            "upload bucket": self._bucket,
            "access logs": self._access_logs,
            "mail": self._mail,
            "certificate": self._certificate,
            "alarms": self._alarms,
            "runbooks": self._runbooks,
        }
        for about, check in checks.items():
            yield self._asked(about, check)

    def _asked(self, about: str, check: Callable[[], Finding]) -> Finding:
        try:
            return check()
        except (ClientError, BotoCoreError) as error:
            return missing(about, f"{error}. Log in as somebody who may ask this.")

    def _parameters(self) -> Iterator[Finding]:
        wrong = [*self._refused(), *self._inconsistent()]
        yield from (missing("parameters", it) for it in wrong)
        if not wrong:
            yield ok("parameters", f"{len(self._given)} set, {len(self._declared)} known")

    def _refused(self) -> Iterator[str]:
        for name, value in self._chosen.items():
            rules = self._declared.get(name)
            if rules is None:
                yield f"template.yaml has no parameter {name}"
            elif "AllowedValues" in rules and value not in map(str, rules["AllowedValues"]):
                yield f"{name}={value} must be one of {', '.join(map(str, rules['AllowedValues']))}"
            elif "AllowedPattern" in rules and not re.search(rules["AllowedPattern"], value):
                yield f"{name}={value} must be like {rules['AllowedPattern']}"
            elif rules["Type"] == "Number" and not _is_between(value, rules):
                yield f"{name}={value} is no number that template.yaml allows"

    def _inconsistent(self) -> Iterator[str]:
        chosen = self._chosen
        if chosen["MailFrom"] and not chosen["RecoveryPage"]:
            yield "MailFrom needs RecoveryPage"
        if chosen["DomainName"] and not chosen["CertificateArn"]:
            yield "DomainName needs CertificateArn"
        origins = [origin.strip() for origin in chosen["AllowedOrigins"].split(",")]
        if chosen["Stage"] != "local" and "loopback" in origins:
            yield "AllowedOrigins=loopback is for Stage=local only"
        if 0 < _number(chosen["RateLimitPerAddress"]) < 100:
            yield "RateLimitPerAddress must be 0 or at least 100"
        reserved = _number(chosen["HashingConcurrency"])
        if 0 < reserved < 2 * _number(chosen["HashingRequestRate"]):
            yield "HashingConcurrency must be 0 or at least twice HashingRequestRate"
        protection = (chosen["DataProtection"], chosen["DataDeletionPolicy"])
        if chosen["Stage"] == "prod" and protection != ("on", "Retain"):
            yield "Stage=prod needs DataProtection=on and DataDeletionPolicy=Retain"
        described = sum(len(chosen[name]) + 1 for name in DESCRIBING) + len("ordering off")
        if described > MAX_DESCRIPTION:
            yield f"shorten {', '.join(DESCRIBING)}: versions are described in 256 characters"

    def _architecture(self) -> Finding:
        wanted = self._chosen["Architecture"]
        built = built_architecture()
        if built is None:
            return note("architecture", f"nothing is built; {wanted} will be deployed")
        if built != wanted:
            return missing(
                "architecture",
                f"{built} is built and {wanted} will be deployed: make build ARCHITECTURE={wanted}",
            )
        return ok("architecture", f"{built} is built and will be deployed")

    def _tree(self) -> Finding:
        changed = _git("status", "--porcelain")
        if not changed:
            return ok("git", f"at {_git('describe', '--always', '--tags')}, nothing changed")
        said = f"{len(changed.splitlines())} files are not committed"
        if self._chosen["Stage"] == "prod":
            return missing("git", f"{said}: what runs in prod must be found again")
        return note("git", said)

    def _credentials(self) -> Finding:
        sts = self._deployment.client("sts")
        self._region = sts.meta.region_name
        found = sts.get_caller_identity()
        who = f"account {found['Account']} in {self._region} as {found['Arn']}"
        return ok("credentials", who)

    def _stack(self) -> Finding:
        stack = self._deployment.described()
        if stack is not None and stack["StackStatus"] == "REVIEW_IN_PROGRESS":
            stack = None  # a first change set that nobody took; sam makes the stack all the same
        self._choose(stack)
        name = self._deployment.stack
        if len(name) > MAX_STACK:
            said = f"{name} has more than {MAX_STACK} characters: shorten it in samconfig.toml"
            return missing("stack", said)
        if stack is None:
            return ok("stack", f"{name} will be made")
        status: str = stack["StackStatus"]
        if status == "ROLLBACK_COMPLETE":
            return missing("stack", f"{name} was never made ({status}): delete it, then deploy")
        if status.endswith(("_FAILED", "_IN_PROGRESS")):
            return missing("stack", f"{name} is {status}: look at its events in CloudFormation")
        return ok("stack", f"{name} is {status}")

    def _choose(self, stack: Mapping[str, Any] | None) -> None:
        """As sam has it: what is not given stays, unless the template knows it no more."""
        defaults = {name: str(it.get("Default", "")) for name, it in self._declared.items()}
        before = (stack or {}).get("Parameters", [])
        self._before = {it["ParameterKey"]: it["ParameterValue"] for it in before}
        known = {name: it for name, it in self._before.items() if name in defaults}
        self._chosen = defaults | known | self._given

    def _concurrency(self) -> Finding:
        limits = self._deployment.client("lambda").get_account_settings()["AccountLimit"]
        reserved = 2 * _number(self._chosen["HashingConcurrency"])
        free = limits["UnreservedConcurrentExecutions"]
        free += 2 * _number(self._before.get("HashingConcurrency", "0"))
        more = "in Service Quotas, Lambda, Concurrent executions (new accounts have 10)"
        if reserved and free < reserved + UNRESERVED:
            said = f"{free} executions are free and {reserved + UNRESERVED} needed: ask for more"
            return missing("concurrency", f"{said} {more}")
        if free < UNRESERVED:
            said = f"{free} executions at once are little, all beyond are refused: ask for more"
            return note("concurrency", f"{said} {more}")
        return ok("concurrency", f"{free} executions are free, {reserved} will be reserved")

    def _bucket(self) -> Finding:
        cloudformation = self._deployment.client("cloudformation")
        try:
            cloudformation.describe_stacks(StackName="aws-sam-cli-managed-default")
        except ClientError as error:
            if "does not exist" not in str(error):
                raise
            said = "sam makes it at the first deployment, which needs the right to make buckets"
            return note("upload bucket", said)
        return ok("upload bucket", "sam has one")

    def _access_logs(self) -> Finding:
        if self._chosen.get("AccessLogs", "off") == "off":
            return ok("access logs", "off")
        if self._chosen.get("CreateApiGatewayAccount") == "true":
            return ok("access logs", "the stack sets the account's role for them")
        if self._deployment.client("apigateway").get_account().get("cloudwatchRoleArn"):
            return ok("access logs", "the account has a role for them")
        return missing(
            "access logs", "API Gateway has no role for them here: CreateApiGatewayAccount=true"
        )

    def _mail(self) -> Finding:
        sender = self._chosen["MailFrom"]
        if not sender:
            return ok("mail", "off, since MailFrom is empty")
        ses = self._deployment.client("sesv2")
        if not self._is_verified(ses, sender) and not self._is_verified(ses, sender.split("@")[1]):
            return note("mail", f"SES does not know {sender} yet: follow the link that it mails")
        if not ses.get_account().get("ProductionAccessEnabled"):
            said = "SES is in its sandbox and writes to verified addresses only: ask for more there"
            is_prod = self._chosen["Stage"] == "prod"
            return missing("mail", said) if is_prod else note("mail", said)
        return ok("mail", f"SES sends as {sender}")

    # Any: botocore makes its clients at run time.
    def _is_verified(self, ses: Any, identity: str) -> bool:
        try:
            found = ses.get_email_identity(EmailIdentity=identity)
        except ses.exceptions.NotFoundException:
            return False
        return bool(found["VerifiedForSendingStatus"])

    def _certificate(self) -> Finding:
        arn = self._chosen["CertificateArn"]
        if not arn:
            return ok("certificate", "none, since DomainName is empty")
        region = arn.split(":")[3]
        if region != self._region:
            return missing("certificate", f"it is in {region}, the stack in {self._region}")
        found = self._deployment.client("acm").describe_certificate(CertificateArn=arn)
        status = found["Certificate"]["Status"]
        if status != "ISSUED":
            return missing("certificate", f"it is {status}")
        return ok("certificate", "issued")

    def _alarms(self) -> Finding:
        address = self._chosen["AlarmEmail"]
        if address:
            return ok("alarms", f"mailed to {address}, once the link that SNS mails is followed")
        said = "AlarmEmail is empty: they tell nobody but who subscribed to AlarmTopic"
        return note("alarms", said) if self._chosen["Stage"] == "prod" else ok("alarms", said)

    def _runbooks(self) -> Finding:
        said = f"alarms link to {self._chosen['RunbookUrl']}"
        if "://" in said or self._chosen["Stage"] != "prod":
            return ok("runbooks", said)
        return note("runbooks", f"{said}, which leads nowhere: set RunbookUrl to its address")


def declared_parameters() -> dict[str, dict[str, Any]]:
    """The template's parameters, with their rules."""
    text = (ROOT / "template.yaml").read_text()
    # No intrinsic function is in them, which YAML itself would not read.
    parameters = re.search(r"^Parameters:\n.*?(?=^\w)", text, re.DOTALL | re.MULTILINE)
    assert parameters
    found: dict[str, dict[str, Any]] = yaml.safe_load(parameters[0])["Parameters"]
    return found


def built_architecture() -> str | None:
    """What the compiled packages of the built layer are for; None if nothing is built."""
    for path in _BUILT.glob("**/*.so"):
        for machine, architecture in _MACHINES.items():
            if machine in path.name:
                return architecture
    return None


def pairs(text: str) -> dict[str, str]:
    """`A=1 B=2` as a mapping; raises `SystemExit`."""
    found = [(name, value) for name, _, value in (it.partition("=") for it in text.split())]
    if not all(name and value for name, value in found):
        raise SystemExit(f"PARAMETERS must be like Name=value, not {text}")
    return dict(found)


def _number(text: str) -> int:
    return int(text) if text.isdigit() else 0


def _is_between(text: str, rules: Mapping[str, Any]) -> bool:
    if not text.isdigit():
        return False
    return int(rules.get("MinValue", 0)) <= int(text) <= float(rules.get("MaxValue", "inf"))


def _git(*arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def is_ready(deployment: Deployment, given: dict[str, str], say: Callable[[str], None]) -> bool:
    """Whether nothing is missing; says of each thing."""
    findings = []
    for finding in Preflight(deployment, given).findings():
        say(str(finding))
        findings.append(finding)
    return not any(finding.verdict is Verdict.MISSING for finding in findings)


def main() -> None:
    parser = argparse.ArgumentParser(prog="make preflight", description=__doc__)
    parser.add_argument("--environment", default="default", help="of samconfig.toml")
    parser.add_argument("--parameters", default="", help="besides those of samconfig.toml")
    options = parser.parse_args()
    deployment = Deployment(options.environment)
    sys.exit(not is_ready(deployment, pairs(options.parameters), print))


if __name__ == "__main__":
    main()
