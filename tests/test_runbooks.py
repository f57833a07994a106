"""docs/operations.md and the Makefile name the same things, and links lead somewhere."""

import re

import pytest

from tests.support.sam_template import ROOT, functions, resources

OPERATIONS = (ROOT / "docs/operations.md").read_text()
MAKEFILE = (ROOT / "Makefile").read_text()
TARGETS = dict(re.findall(r"^([a-z-]+):.*## (.*)$", MAKEFILE, re.MULTILINE))
# Deploying is a story of its own; whatever else is done to a deployment says to which.
DEPLOYING = {"deploy", "destroy", "preflight", "smoke"}
BY_OPERATORS = {name for name, help_ in TARGETS.items() if "ENV=" in help_} - DEPLOYING
BY_HAND = OPERATIONS.split("## By hand\n")[1].split("\n## ")[0]
METRICS = OPERATIONS.split("## Metrics\n")[1].split("\n## ")[0]


def test_every_target_that_the_runbooks_name_exists() -> None:
    named = set(re.findall(r"\bmake ([a-z][a-z-]+)", OPERATIONS))

    assert named >= BY_OPERATORS
    assert named <= TARGETS.keys()


@pytest.mark.parametrize("target", sorted(BY_OPERATORS))
def test_what_operators_do_is_in_the_index_with_its_dry_run(target: str) -> None:
    rows = [row for row in BY_HAND.splitlines() if f"| `make {target} " in row]

    assert len(rows) == 1, "add a row to the index under By hand in docs/operations.md"
    assert len([cell for cell in rows[0].split("|") if cell.strip()]) == 6


def test_the_price_of_metrics_is_that_of_all_there_are() -> None:
    rows = re.findall(r"^\| `[A-Za-z]+` \|[^|]*\|([^|]*)\|", METRICS, re.MULTILINE)
    plain = sum(not dimension.strip() for dimension in rows)
    routes = sum("\n@endpoint(" in function.path.read_text() for function in functions())

    assert f"at most {plain} without one, {routes} routes" in METRICS, (
        "count the metrics and routes again under Metrics in docs/operations.md"
    )
    assert f"so ${(plain + routes + 1) * 0.3:.2f} at most with one currency" in METRICS


def test_every_function_that_only_operators_invoke_is_in_the_index() -> None:
    operated = {
        function.name
        for function in functions()
        if function.path.parent.name == "operations" and function.route is None
    }

    # The others are CloudFormation's, the gateway's and CodeDeploy's.
    for name in operated - {"CreateSigningKeys", "AnswerPreflight", "CheckBeforeTraffic"}:
        assert name in BY_HAND, f"add {name} to the index under By hand in docs/operations.md"


def test_links_lead_to_headings_that_are_there() -> None:
    headings = re.findall(r"^#+ (.*)$", OPERATIONS, re.MULTILINE)
    anchors = {re.sub(r"[^\w -]", "", text).lower().replace(" ", "-") for text in headings}

    assert set(re.findall(r"\]\(#([^)]+)\)", OPERATIONS)) <= anchors


def test_how_often_messages_are_tried_is_told_of_each_queue_as_the_template_has_it() -> None:
    dead_letters = OPERATIONS.split("### Dead letters\n")[1].split("\n```")[0]
    words = {5: "five", 10: "ten"}
    told = re.findall(r"(\w+)(?: tries)? of `(\w+)`", dead_letters)

    assert {name: often for often, name in told} == {
        name: words[queue["RedrivePolicy"]["maxReceiveCount"]]
        for name, queue in resources("AWS::SQS::Queue").items()
        if "RedrivePolicy" in queue
    }
