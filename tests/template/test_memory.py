"""Memory of functions, in the dashboard's arithmetic."""

from tests.support.sam_template import resources, template


def test_dashboard_computes_gb_seconds_with_the_memory_of_functions() -> None:
    memory = template()["Globals"]["Function"]["MemorySize"]
    (body,) = (it["DashboardBody"] for it in resources("AWS::CloudWatch::Dashboard").values())
    text = str(body)

    # Durations are in milliseconds: 1 GB-second is 1,024,000 MB-milliseconds.
    assert text.count(f") / {1024 * 1000 // memory}") == 2
    assert f"- hashing * {memory} /" in text
