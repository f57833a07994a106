"""``make preflight``: check an account for the requirements of a deployment."""

import argparse
import re
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any  # template parameters and AWS responses have many types

from botocore.exceptions import BotoCoreError, ClientError

from tools.deployments import ROOT, Deployment
from tools.leftovers import existing, retained_tables
from tools.local_cloud.project import (
    declared_parameters,
    literal_names,
    resulting_parameters,
)

OPERATIONS = ROOT / "operations.yaml"
MIN_UNRESERVED = 100  # concurrent executions that Lambda always leaves unreserved
# GetParameter calls a second of an account and region, by default:
# https://docs.aws.amazon.com/general/latest/gr/ssm.html#limits_ssm
PARAMETER_READS = 40
# Sandboxes that all start within a second and all read the keys, with three attempts and the pauses
# of botocore's standard mode: 200 simulations of 80 without a failure, 2% of 120 fail.
MAX_NEW_SANDBOXES = 80
# A sampling rule's name has at most 32 characters, and the stack's name is its prefix.
MAX_STACK_NAME_LENGTH = 18
# CloudFormation rejects the template in a region without one of its types, even behind a condition.
REGIONS_WITHOUT_SES = {
    *("ap-east-1", "ap-east-2", "ap-southeast-4", "ap-southeast-6", "ap-southeast-7"),
    *("cn-north-1", "cn-northwest-1", "eu-south-2", "mx-central-1"),
}
# Domains for documentation (RFC 2606): nobody receives their emails or can serve their pages.
_PLACEHOLDER = re.compile(r"(?:^|[/.@])(?:example\.(?:com|net|org)|[\w-]+\.example)(?:[:/,]|$)")
_MAX_LISTED = 5  # names in one finding
_BUILT = ROOT / ".aws-sam/build/DependenciesLayer/python"
_MACHINES = {"aarch64": "arm64", "x86_64": "x86_64"}


class Verdict(StrEnum):
    OK = "ok"
    NOTE = "note"  # does not prevent a deployment
    MISSING = "MISSING"


@dataclass(frozen=True)
class Finding:
    verdict: Verdict
    subject: str
    detail: str  # the state, or the action to take

    def __str__(self) -> str:
        return f"  {self.verdict:7}  {self.subject}: {self.detail}"


def ok(subject: str, detail: str) -> Finding:
    return Finding(Verdict.OK, subject, detail)


def note(subject: str, detail: str) -> Finding:
    return Finding(Verdict.NOTE, subject, detail)


def missing(subject: str, detail: str) -> Finding:
    return Finding(Verdict.MISSING, subject, detail)


class Preflight:
    """The checks; `given` overrides the parameters of samconfig.toml."""

    def __init__(self, deployment: Deployment, given: dict[str, str]) -> None:
        self._deployment = deployment
        self._declared = declared_parameters(ROOT / "template.yaml")
        self._given = deployment.configured | given
        self._deployed: dict[str, str] = {}
        self._chosen: dict[str, str] = {}  # empty until the deployed values are known
        self._urls: list[str] = []  # of the API: its domain, or else the gateway's own
        self._region = ""
        self._is_new = False  # whether the stack does not exist yet

    def findings(self) -> Iterator[Finding]:
        """Yield the results; without credentials or a readable stack, stop early."""
        credentials = self._run_check("credentials", self._credentials)
        yield credentials
        if credentials.verdict is Verdict.MISSING:
            return
        yield self._run_check("stack", self._stack)
        if not self._chosen:
            return
        yield from self._parameters()
        yield self._placeholders()
        yield self._region_of_samconfig()
        yield self._architecture()
        yield self._git_tree()
        checks = {
            "operations stack": self._operations_stack,
            "names": self._names,
            "tables": self._tables,
            "concurrency": self._concurrency,
            "signing keys": self._parameter_reads,
            "upload bucket": self._bucket,
            "access logs": self._access_logs,
            "mail": self._mail,
            "mail identity": self._mail_identity,
            "certificate": self._certificate,
            "OAuth": self._oauth,
            "alarms": self._alarms,
            "runbooks": self._runbooks,
        }
        for subject, check in checks.items():
            yield self._run_check(subject, check)

    def _run_check(self, subject: str, check: Callable[[], Finding]) -> Finding:
        try:
            return check()
        except (ClientError, BotoCoreError) as error:
            return missing(subject, f"{error}. Log in with an identity that may make this call.")

    def _parameters(self) -> Iterator[Finding]:
        wrong = [*self._invalid_values(), *self._conflicting_values()]
        yield from (missing("parameters", it) for it in wrong)
        if not wrong:
            yield ok("parameters", f"{len(self._given)} set, {len(self._declared)} known")

    def _invalid_values(self) -> Iterator[str]:
        for name, value in self._chosen.items():
            rules = self._declared.get(name)
            if rules is None:
                yield f"template.yaml has no parameter {name}"
            elif "AllowedValues" in rules and value not in map(str, rules["AllowedValues"]):
                yield f"{name}={value} must be one of {', '.join(map(str, rules['AllowedValues']))}"
            elif "AllowedPattern" in rules and not re.search(rules["AllowedPattern"], value):
                yield f"{name}={value} must match {rules['AllowedPattern']}"
            elif rules["Type"] == "Number" and not _is_in_range(value, rules):
                yield f"{name}={value} is not a number within the limits of template.yaml"

    def _conflicting_values(self) -> Iterator[str]:
        chosen = self._chosen
        if chosen["MailFrom"] and not chosen["RecoveryPage"]:
            yield "MailFrom needs RecoveryPage"
        if chosen["DomainName"] and not chosen["CertificateArn"]:
            yield "DomainName needs CertificateArn"
        if chosen["AuthorizationPage"] and not chosen["OAuthIssuer"]:
            yield "AuthorizationPage needs OAuthIssuer"
        if chosen["Stage"] != "local" and chosen["OAuthIssuer"].startswith("http:"):
            yield "OAuthIssuer must be https unless Stage=local"
        origins = [origin.strip() for origin in chosen["AllowedOrigins"].split(",")]
        if chosen["Stage"] != "local" and "loopback" in origins:
            yield "AllowedOrigins=loopback is for Stage=local only"
        if chosen["Stage"] != "local" and chosen["WebhookTargets"] == "loopback":
            yield "WebhookTargets=loopback is for Stage=local only"
        if chosen["Stage"] != "local" and chosen["BcryptCost"] == "5":
            yield "BcryptCost=5 is for Stage=local only"
        if 0 < _number(chosen["RateLimitPerAddress"]) < 100:
            yield "RateLimitPerAddress must be 0 or at least 100"
        reserved = _number(chosen["HashingConcurrency"])
        if 0 < reserved < 2 * _number(chosen["HashingRequestRate"]):
            yield "HashingConcurrency must be 0 or at least twice HashingRequestRate"
        if chosen["Stage"] == "prod" and chosen["DataProtection"] != "on":
            yield "Stage=prod needs DataProtection=on"

    def _placeholders(self) -> Finding:
        """Report addresses of documentation, with which pages and emails do not work."""
        if self._chosen["Stage"] == "local":
            return ok("addresses", "any, since Stage=local")
        found = [
            f"{name}={value}" for name, value in self._chosen.items() if _PLACEHOLDER.search(value)
        ]
        if found:
            return missing(
                "addresses",
                f"{', '.join(found)}: replace placeholders of documentation in samconfig.toml",
            )
        return ok("addresses", "no placeholders")

    def _region_of_samconfig(self) -> Finding:
        if self._deployment.region is None:
            return missing(
                "region",
                "samconfig.toml names none, so the shell decides: add region to"
                f" [{self._deployment.environment}.global.parameters]",
            )
        if self._region in REGIONS_WITHOUT_SES:
            return missing(
                "region",
                f"CloudFormation has no AWS::SES types in {self._region}: choose another region",
            )
        return ok("region", self._region)

    def _architecture(self) -> Finding:
        expected = self._chosen["Architecture"]
        built = built_architecture()
        if built is None:
            return note("architecture", f"not built yet; {expected} will be deployed")
        if built != expected:
            return missing(
                "architecture",
                f"{built} is built and {expected} will be deployed:"
                f" make build ARCHITECTURE={expected}",
            )
        return ok("architecture", f"{built} is built and will be deployed")

    def _git_tree(self) -> Finding:
        changed = git("status", "--porcelain")
        if not changed:
            return ok("git", f"at {git('describe', '--always', '--tags')}, nothing changed")
        detail = f"{len(changed.splitlines())} files are not committed"
        if self._chosen["Stage"] == "prod":
            return missing("git", f"{detail}: commit them, since prod must run a known commit")
        return note("git", detail)

    def _credentials(self) -> Finding:
        sts = self._deployment.client("sts")
        self._region = sts.meta.region_name
        found = sts.get_caller_identity()
        detail = f"account {found['Account']} in {self._region} as {found['Arn']}"
        return ok("credentials", detail)

    def _stack(self) -> Finding:
        stack = self._deployment.describe_stack()
        if stack is not None and stack["StackStatus"] == "REVIEW_IN_PROGRESS":
            stack = None  # an unexecuted first change set; sam creates the stack anyway
        self._is_new = stack is None
        self._choose_values(stack)
        name = self._deployment.stack
        if len(name) > MAX_STACK_NAME_LENGTH:
            limit = f"more than {MAX_STACK_NAME_LENGTH} characters"
            detail = f"{name} has {limit}: shorten it in samconfig.toml"
            return missing("stack", detail)
        if stack is None:
            return ok("stack", f"{name} will be created")
        status: str = stack["StackStatus"]
        if status == "ROLLBACK_COMPLETE":
            return missing("stack", f"{name} was never created ({status}): delete it, then deploy")
        if status.endswith(("_FAILED", "_IN_PROGRESS")):
            return missing("stack", f"{name} is {status}: check its events in CloudFormation")
        return ok("stack", f"{name} is {status}")

    def _operations_stack(self) -> Finding:
        name = self._deployment.operations_stack
        stack = self._deployment.describe_stack(name)
        status = "REVIEW_IN_PROGRESS" if stack is None else stack["StackStatus"]
        if status == "ROLLBACK_COMPLETE":
            detail = f"{name} was never created ({status}): make deploy deletes and creates it"
            return note("operations stack", detail)
        if status == "REVIEW_IN_PROGRESS":
            # A shop deployed before there were two stacks has them, and its update deletes them.
            names = self._names_of_others(OPERATIONS)
            return self._free_names("operations stack", f"{name} will be created", names)
        if status.endswith(("_FAILED", "_IN_PROGRESS")):
            # The shop needs nothing of it, so a kill switch must not wait for its repair.
            detail = f"{name} is {status}: check its events in CloudFormation"
            return note("operations stack", detail)
        return ok("operations stack", f"{name} is {status}")

    def _names(self) -> Finding:
        names = self._names_of_others(ROOT / "template.yaml")
        return self._free_names("names", "free, or of the stack", names)

    def _names_of_others(self, template: Path) -> list[tuple[str, str]]:
        """Return the literal names of a template that no resource of the shop's stack has."""
        owned = [] if self._is_new else self._deployment.resources()
        ids = [resource.get("PhysicalResourceId", "") for resource in owned]
        return [
            (type_, given)
            for type_, given in literal_names(template, self._shop)
            if not any(id_ == given or id_.endswith(f"/{given}") for id_ in ids)
        ]

    def _free_names(self, subject: str, detail: str, names: Iterable[tuple[str, str]]) -> Finding:
        """Report names in use: CloudFormation creates no resource with the name of another."""
        used = existing(self._deployment, names)
        if not used:
            return ok(subject, detail)
        more = f" and {len(used) - _MAX_LISTED} more" if len(used) > _MAX_LISTED else ""
        return missing(
            subject,
            f"{', '.join(used[:_MAX_LISTED])}{more} exist outside the stack, so its creation would"
            f" fail: delete them ({self._destroy} deletes log groups), or change stack_name",
        )

    def _tables(self) -> Finding:
        if not self._is_new:
            return ok("tables", "the stack has them")
        tables = retained_tables(self._deployment)
        if not tables:
            return ok("tables", "none of an earlier stack")
        return missing(
            "tables",
            f"{', '.join(tables[:_MAX_LISTED])}: an earlier stack left {len(tables)}, and the new"
            f" one would start empty beside them. {self._destroy} deletes them after a question;"
            " docs/data.md explains how to import them",
        )

    @property
    def _shop(self) -> str:
        return self._deployment.stack

    @property
    def _destroy(self) -> str:
        return f"make destroy ENV={self._deployment.environment}"

    def _choose_values(self, stack: Mapping[str, Any] | None) -> None:
        """Merge values like sam: deployed ones stay, unless the template no longer has them."""
        deployed = (stack or {}).get("Parameters", [])
        self._deployed = {it["ParameterKey"]: it["ParameterValue"] for it in deployed}
        self._chosen = resulting_parameters(ROOT / "template.yaml", stack, self._given)
        outputs = (stack or {}).get("Outputs", [])
        self._urls = [it["OutputValue"] for it in outputs if it["OutputKey"] == "ApiUrl"]
        if self._chosen["DomainName"]:
            self._urls = [f"https://{self._chosen['DomainName']}"]

    def _concurrency(self) -> Finding:
        limits = self._deployment.client("lambda").get_account_settings()["AccountLimit"]
        reserved = 2 * _number(self._chosen["HashingConcurrency"])
        free = limits["UnreservedConcurrentExecutions"]
        free += 2 * _number(self._deployed.get("HashingConcurrency", "0"))
        quota = "in Service Quotas, Lambda, Concurrent executions (new accounts have 10)"
        if reserved and free < reserved + MIN_UNRESERVED:
            detail = (
                f"{free} executions are free and {reserved + MIN_UNRESERVED} needed: request more"
            )
            return missing("concurrency", f"{detail} {quota}")
        if free < MIN_UNRESERVED and self._chosen["Rollout"] != "AllAtOnce":
            detail = (
                f"{free} executions are free and a canary needs {MIN_UNRESERVED}: throttled"
                " requests are 5xx, which roll it back. Request more"
            )
            return missing("concurrency", f"{detail} {quota}")
        if free < MIN_UNRESERVED:
            detail = f"{free} concurrent executions are few, more are throttled: request more"
            return note("concurrency", f"{detail} {quota}")
        return ok("concurrency", f"{free} executions are free, {reserved} will be reserved")

    def _parameter_reads(self) -> Finding:
        """Report Parameter Store's default limit: each new authorizer reads the public keys."""
        setting = self._deployment.client("ssm").get_service_setting(
            SettingId="/ssm/parameter-store/high-throughput-enabled"
        )["ServiceSetting"]["SettingValue"]
        if setting == "true" or _number(self._chosen["RequestRate"]) <= PARAMETER_READS:
            return ok("signing keys", "enough reads a second of Parameter Store")
        return note(
            "signing keys",
            f"Parameter Store allows {PARAMETER_READS} reads a second, and each new sandbox of the"
            f" authorizer reads once: more than {MAX_NEW_SANDBOXES} at once can return 503. Higher"
            " throughput costs $0.05 per 10,000 reads: aws ssm update-service-setting --setting-id"
            " /ssm/parameter-store/high-throughput-enabled --setting-value true",
        )

    def _bucket(self) -> Finding:
        cloudformation = self._deployment.client("cloudformation")
        try:
            cloudformation.describe_stacks(StackName="aws-sam-cli-managed-default")
        except ClientError as error:
            if "does not exist" not in str(error):
                raise
            detail = (
                "sam creates it at the first deployment, which needs permission to create buckets"
            )
            return note("upload bucket", detail)
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
            if self._chosen["Stage"] == "prod":
                detail = "off: nobody can verify an address or reset a password. Set MailFrom"
                # Only the first deployment shows the URL for RecoveryPage.
                return note("mail", detail) if self._is_new else missing("mail", detail)
            return ok("mail", "off, since MailFrom is empty")
        ses = self._deployment.client("sesv2")
        if not self._is_verified(ses, sender) and not self._is_verified(ses, sender.split("@")[1]):
            return note("mail", f"SES has not verified {sender} yet: follow the link in its email")
        if not ses.get_account().get("ProductionAccessEnabled"):
            detail = (
                "SES is in its sandbox and sends to verified addresses only: request access there"
            )
            is_prod = self._chosen["Stage"] == "prod"
            return missing("mail", detail) if is_prod else note("mail", detail)
        return ok("mail", f"SES sends as {sender}")

    def _mail_identity(self) -> Finding:
        """Check that SES has the sender's identity, or that CloudFormation can create it."""
        sender = self._chosen["MailFrom"]
        if not sender:
            return ok("mail identity", "none, since MailFrom is empty")
        ses = self._deployment.client("sesv2")
        has_address = self._identity(ses, sender) is not None
        if self._chosen["CreateMailIdentity"] == "true":
            is_of_stack = not self._is_new and (
                self._deployed.get("MailFrom") == sender
                and self._deployed.get("CreateMailIdentity", "true") == "true"
            )
            if has_address and not is_of_stack:
                return missing(
                    "mail identity",
                    f"SES has {sender} already, so its creation would fail:"
                    " CreateMailIdentity=false",
                )
            return ok("mail identity", f"the stack declares {sender}")
        if has_address or self._identity(ses, sender.split("@")[1]) is not None:
            return ok("mail identity", f"SES has {sender} or its domain")
        return missing(
            "mail identity",
            f"SES has neither {sender} nor its domain: create one, or CreateMailIdentity=true",
        )

    # Any: botocore creates its clients at run time, and responses have many types.
    def _identity(self, ses: Any, identity: str) -> dict[str, Any] | None:
        try:
            found: dict[str, Any] = ses.get_email_identity(EmailIdentity=identity)
        except ses.exceptions.NotFoundException:
            return None
        return found

    def _is_verified(self, ses: Any, identity: str) -> bool:
        found = self._identity(ses, identity)
        return found is not None and bool(found["VerifiedForSendingStatus"])

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

    def _oauth(self) -> Finding:
        """Compare the issuer with the URL of the API: clients find every endpoint below it."""
        issuer = self._chosen["OAuthIssuer"]
        if not issuer:
            return ok("OAuth", "off, since OAuthIssuer is empty")
        if issuer not in self._urls:
            known = " or ".join(self._urls) or "known after the first deployment"
            return note(
                "OAuth",
                f"the issuer is {issuer} and the API's URL is {known}: a proxy must serve the"
                " issuer's URL, or clients find no endpoint",
            )
        return ok("OAuth", f"the issuer is {issuer}, the API's URL")

    def _alarms(self) -> Finding:
        address = self._chosen["AlarmEmail"]
        if address:
            return ok("alarms", f"sent to {address} after the link in the email of SNS is followed")
        detail = "AlarmEmail is empty: only other subscribers of AlarmTopic are notified"
        return note("alarms", detail) if self._chosen["Stage"] == "prod" else ok("alarms", detail)

    def _runbooks(self) -> Finding:
        detail = f"alarms link to {self._chosen['RunbookUrl']}"
        if "://" in detail or self._chosen["Stage"] != "prod":
            return ok("runbooks", detail)
        return note(
            "runbooks",
            f"{detail}, which is not a URL: set RunbookUrl to the address of the runbooks",
        )


def built_architecture() -> str | None:
    """Return the architecture of the built layer, or None if it is not built."""
    for path in _BUILT.glob("**/*.so"):
        for machine, architecture in _MACHINES.items():
            if machine in path.name:
                return architecture
    return None


def pairs(text: str) -> dict[str, str]:
    """Parse `A=1 B=2`; raise `SystemExit` for another format."""
    found = [(name, value) for name, _, value in (it.partition("=") for it in text.split())]
    if not all(name and "=" in it for (name, _), it in zip(found, text.split(), strict=True)):
        raise SystemExit(f"PARAMETERS must have the form Name=value, not {text}")
    return dict(found)


def _number(text: str) -> int:
    return int(text) if text.isdigit() else 0


def _is_in_range(text: str, rules: Mapping[str, Any]) -> bool:
    if not text.isdigit():
        return False
    return int(rules.get("MinValue", 0)) <= int(text) <= float(rules.get("MaxValue", "inf"))


def git(*arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def is_ready(deployment: Deployment, given: dict[str, str], report: Callable[[str], None]) -> bool:
    """Report each finding; return whether nothing is missing."""
    findings = []
    for finding in Preflight(deployment, given).findings():
        report(str(finding))
        findings.append(finding)
    return not any(finding.verdict is Verdict.MISSING for finding in findings)


def main() -> None:
    parser = argparse.ArgumentParser(prog="make preflight", description=__doc__)
    parser.add_argument("--environment", default="default", help="environment in samconfig.toml")
    parser.add_argument("--parameters", default="", help="parameters that override samconfig.toml")
    options = parser.parse_args()
    deployment = Deployment(options.environment)
    sys.exit(not is_ready(deployment, pairs(options.parameters), print))


if __name__ == "__main__":
    main()
