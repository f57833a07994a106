"""The operators' documents agree with the template, the Makefile, the code and each other."""

import re
from pathlib import Path
from typing import get_args

import pytest

from shop.events.schemas import AnyEvent
from tests.support.monitoring import alarms, metrics_of
from tests.support.sam_template import ROOT, functions, gateway_routes, resources, template

RUNBOOKS = ROOT / "docs/runbooks"
INDEX = (RUNBOOKS / "README.md").read_text()
COMMANDS = (ROOT / "docs/operator-commands.md").read_text()
DATA = (ROOT / "docs/data.md").read_text()
OBSERVABILITY = (ROOT / "docs/observability.md").read_text()
DOCUMENTS = {
    path: path.read_text()
    for path in [
        *sorted(RUNBOOKS.glob("*.md")),
        *(ROOT / "docs" / f"{name}.md" for name in ("deploying", "observability", "data")),
        *(ROOT / "docs" / f"{name}.md" for name in ("operator-commands", "timeouts")),
    ]
}
EVERYTHING = "\n".join(DOCUMENTS.values())
MAKEFILE = (ROOT / "Makefile").read_text()
TARGETS = dict(re.findall(r"^([a-z-]+):.*## (.*)$", MAKEFILE, re.MULTILINE))
# docs/deploying.md covers these; every other target with ENV= is an operator command.
DEPLOYING = {"deploy", "destroy", "parity", "preflight", "smoke"}
OPERATOR_TARGETS = {name for name, help_ in TARGETS.items() if "ENV=" in help_} - DEPLOYING
METRICS = OBSERVABILITY.split("## Metrics\n")[1].split("\n## ")[0]
NAMES = DATA.split("## Names that stay\n")[1]
ALARMS = alarms()
MAX_WORDS = 200
HEADINGS = [
    "Meaning",
    "Impact",
    "Can it wait until morning?",
    "Did it begin with a deploy?",
    "Steps",
    "How many customers or orders",
    "When it is over",
]
# CloudWatch counts these for the whole account; other alarms name their resources.
WHOLE_ACCOUNT = ("ThrottlesAlarm", "TableThrottlesAlarm", "TableErrorsAlarm")


def slug(alarm: str) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "-", alarm.removesuffix("Alarm")).lower()


def page(alarm: str) -> str:
    return (RUNBOOKS / f"{slug(alarm)}.md").read_text()


def sections(alarm: str) -> dict[str, str]:
    parts = re.split(r"^## (.+)$", page(alarm), flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def severity(alarm: str) -> str:
    return str(ALARMS[alarm]["AlarmDescription"]).split(": ")[0]


def anchors(text: str) -> set[str]:
    """Heading anchors as GitHub creates them: lower case, no punctuation, hyphens for spaces."""
    prose = re.sub(r"^```.*?^```", "", text, flags=re.DOTALL | re.MULTILINE)
    headings = re.findall(r"^#+ (.*)$", prose, re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading).lower().replace(" ", "-") for heading in headings}


def saved_queries() -> set[str]:
    return {
        query["Name"]["Fn::Sub"].removeprefix("${Shop}/")
        for query in resources("AWS::Logs::QueryDefinition").values()
    }


def test_every_alarm_has_a_page_and_every_page_an_alarm() -> None:
    pages = {path.stem for path in RUNBOOKS.glob("*.md")} - {"README"}

    assert pages == {slug(name) for name in ALARMS}, (
        "write docs/runbooks/<alarm>.md, named after the alarm without its suffix"
    )


@pytest.mark.parametrize("name", ALARMS)
def test_page_has_its_headings_in_order_and_at_most_200_words(name: str) -> None:
    assert page(name).startswith(f"# {name}\n\nSeverity: **{severity(name)}**. Begins when ")
    assert list(sections(name)) == HEADINGS
    assert all(body.strip() for body in sections(name).values())
    assert len(page(name).split()) <= MAX_WORDS


@pytest.mark.parametrize("name", ALARMS)
def test_page_has_at_least_three_numbered_steps(name: str) -> None:
    numbers = re.findall(r"^(\d)\. ", sections(name)["Steps"], re.MULTILINE)

    assert len(numbers) >= 3
    assert numbers == [str(number) for number in range(1, len(numbers) + 1)]


@pytest.mark.parametrize("name", ALARMS)
def test_page_of_an_alarm_that_pages_cannot_wait_until_morning(name: str) -> None:
    response = sections(name)["Can it wait until morning?"].strip()

    assert response.startswith({"page": "No", "ticket": "Yes"}[severity(name)])


@pytest.mark.parametrize("name", ALARMS)
def test_page_counts_the_affected_customers_or_orders(name: str) -> None:
    text = sections(name)["How many customers or orders"]
    queries = set(re.findall(r"`<stack>/([^`]+)`", text))
    targets = set(re.findall(r"`make ([a-z-]+)", text))

    assert queries or targets or "(README.md#count-a-metric)" in text


@pytest.mark.parametrize("name", ALARMS)
def test_page_links_to_the_last_deployment(name: str) -> None:
    text = sections(name)["Did it begin with a deploy?"]

    # DynamoDB's own errors never come from a deployment.
    assert "(README.md#find-the-last-deployment)" in text or name == "TableErrorsAlarm"


@pytest.mark.parametrize("name", WHOLE_ACCOUNT)
def test_page_of_an_account_wide_alarm_mentions_the_account(name: str) -> None:
    assert "account" in page(name)


def test_index_lists_every_alarm_with_the_severity_of_the_template() -> None:
    rows = re.findall(r"^\| \[(\w+)\]\(([a-z-]+)\.md\) \| (\w+) \| [^|]+ \|$", INDEX, re.MULTILINE)

    assert rows == [(name, slug(name), severity(name)) for name in ALARMS], (
        "add the alarm to the table of docs/runbooks/README.md, in the order of template.yaml"
    )


def test_runbooks_name_only_saved_queries_that_exist() -> None:
    text = "\n".join(page(name) for name in ALARMS)
    in_http_or_ops = r"`/?<stack>/([a-z][^`]*)`"
    named = set(re.findall(in_http_or_ops, text)) - {"http", "workers", "ops", "jwks"}

    assert named <= saved_queries()


def test_observability_lists_every_saved_query() -> None:
    section = OBSERVABILITY.split("## Saved queries\n")[1].split("\n## ")[0]
    listed = re.findall(r"^\| `<stack>/([^`]+)` \|", section, re.MULTILINE)

    assert sorted(listed) == sorted(saved_queries())


def test_cost_of_monitoring_counts_the_alarms_metrics_and_methods() -> None:
    metrics = sum(len(list(metrics_of(alarm))) for alarm in ALARMS.values())

    assert f"{len(ALARMS)} alarms on {metrics} metrics, $0.10 each" in INDEX
    assert f"| {metrics * 0.1:.2f} |" in INDEX
    # With those of HEAD, preflights and RPCs: the gateway measures each on its own.
    methods = sum(map(len, gateway_routes().values()))
    assert f"{methods} methods by up to 7 metrics by $0.30, saved | −{methods * 2.1:.2f}" in INDEX


def test_documents_name_only_make_targets_that_exist() -> None:
    named = set(re.findall(r"\bmake ([a-z][a-z-]+)", EVERYTHING)) - {"variable"}

    assert named >= OPERATOR_TARGETS | DEPLOYING
    assert named <= TARGETS.keys()


@pytest.mark.parametrize("target", sorted(OPERATOR_TARGETS))
def test_operator_command_is_in_the_index_with_its_dry_run(target: str) -> None:
    rows = [row for row in COMMANDS.splitlines() if f"| `make {target} " in row]

    assert len(rows) == 1, "add a row to the table of docs/operator-commands.md"
    assert len([cell for cell in rows[0].split("|") if cell.strip()]) == 6


def test_every_function_that_only_operators_invoke_is_in_the_index() -> None:
    operated = {f.name for f in functions() if f.path.parent.name == "operator"}

    assert operated
    for name in operated:
        assert name in COMMANDS, f"add {name} to the table of docs/operator-commands.md"


def test_price_of_metrics_counts_all_metrics() -> None:
    rows = re.findall(r"^\| `[A-Za-z]+` \|[^|]*\|([^|]*)\|", METRICS, re.MULTILINE)
    plain = sum(not dimension.strip() for dimension in rows)
    routes = sum("\n@endpoint(" in function.path.read_text() for function in functions())

    assert f"at most {plain} without one, {routes} routes" in METRICS, (
        "count the metrics and routes again under Metrics in docs/observability.md"
    )
    assert f"so ${(plain + routes + 1) * 0.3:.2f} at most with one currency" in METRICS


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_links_lead_to_files_and_headings_that_exist(path: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", DOCUMENTS[path]):
        if "://" in target:
            continue
        file, _, anchor = target.partition("#")
        linked = (path.parent / file).resolve() if file else path
        assert linked.exists(), target
        assert not anchor or anchor in anchors(linked.read_text()), target


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_documents_name_only_source_files_that_exist(path: Path) -> None:
    for name in re.findall(r"`([\w/]+\.(?:py|toml|yaml))`", DOCUMENTS[path]):
        assert (ROOT / name).exists() or (ROOT / "layers/shop" / name).exists(), name


def test_documents_elsewhere_link_to_operators_headings_that_exist() -> None:
    for path in [ROOT / "README.md", ROOT / "CHANGELOG.md", *(ROOT / "docs").glob("*.md")]:
        for target in re.findall(r"\]\(([^)\s]+)\)", path.read_text()):
            file, _, anchor = target.partition("#")
            linked = (path.parent / file).resolve()
            if linked in DOCUMENTS and anchor:
                assert anchor in anchors(DOCUMENTS[linked]), f"{path.name}: {target}"


def test_dead_letter_section_has_the_receives_of_each_queue() -> None:
    dead_letters = DATA.split("### Redrive dead letters\n")[1].split("\n```")[0]
    words = {5: "five", 10: "ten"}
    stated = re.findall(r"(\w+) receives of `(\w+)`", dead_letters)

    assert {name: often for often, name in stated} == {
        name: words[queue["RedrivePolicy"]["maxReceiveCount"]]
        for name, queue in resources("AWS::SQS::Queue").items()
        if "RedrivePolicy" in queue
    }


def test_names_that_stay_list_every_table_with_its_indexes_and_keys() -> None:
    rows = dict(re.findall(r"^\| `(\w+Table)` \|([^|]*\|[^|]*)\|$", NAMES, re.MULTILINE))
    tables = resources("AWS::DynamoDB::Table")

    assert rows.keys() == tables.keys()
    for name, table in tables.items():
        indexes, attributes = rows[name].split("|")
        assert re.findall(r"`(\w+)`", indexes) == [
            index["IndexName"] for index in table.get("GlobalSecondaryIndexes", [])
        ]
        keys = {definition["AttributeName"] for definition in table["AttributeDefinitions"]}
        assert keys <= set(re.findall(r"`(\w+)`", attributes)), name


def test_names_that_stay_list_every_queue_log_group_and_secret() -> None:
    stateful = ("SQS::Queue", "Logs::LogGroup", "Events::EventBus", "Events::Archive")
    names = {
        name
        for name, resource in template()["Resources"].items()
        if resource["Type"] in [f"AWS::{kind}" for kind in (*stateful, "SecretsManager::Secret")]
    }

    assert names
    assert not [name for name in names if f"`{name}`" not in NAMES]


def test_names_that_stay_list_every_stack_output() -> None:
    section = NAMES.split("### Stack outputs\n")[1].split("\n### ")[0]

    assert set(template()["Outputs"]) == set(re.findall(r"`([A-Z]\w+)`", section))


def test_names_that_stay_list_every_event_type() -> None:
    section = NAMES.split("### Event types\n")[1].split("\n### ")[0]
    listed = re.findall(r"`((?:user|order)\.\w+)`", section)

    assert sorted(listed) == sorted(event.name() for event in get_args(AnyEvent.__value__))


def test_names_that_stay_list_every_message_of_queries_and_metric_filters() -> None:
    section = NAMES.split("### Log messages\n")[1]
    patterns = [
        *(query["QueryString"] for query in resources("AWS::Logs::QueryDefinition").values()),
        *(filter_["FilterPattern"] for filter_ in resources("AWS::Logs::MetricFilter").values()),
    ]
    text = "\n".join(patterns)
    lists = ", ".join(re.findall(r"message in \[([^]]+)\]", text))
    matched = {*re.findall(r'message = "([^"]+)"', text), *re.findall(r'"([^"]+)"', lists)}

    assert matched == set(re.findall(r"`([a-z ]+)`", section.split("| --- | --- |")[1]))
