"""The documented template for importing tables contains all tables that outlive their stack."""

import json
import re
import subprocess

from tests.support.sam_template import ROOT, template
from tools.local_cloud.project import retained_resources


def test_documented_template_has_the_retained_tables_and_what_they_refer_to() -> None:
    section = (ROOT / "docs/data.md").read_text().split("## Import tables that a stack left\n")[1]
    [script] = re.findall(r"<<'PYTHON'\n(.*?)\nPYTHON", section, re.DOTALL)

    command = [".venv-sam/bin/python", "-c", script]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    written = json.loads(done.stdout)

    tables = {
        name
        for name in retained_resources(ROOT / "template.yaml")
        if template()["Resources"][name]["Type"] == "AWS::DynamoDB::Table"
    }
    assert written["Resources"].keys() == tables
    assert all(f"`{name}`" in section.split("\n## ")[0] for name in tables)
    references = set(re.findall(r'"(?:Ref|Condition)": "(\w+)"', json.dumps(written)))
    references |= set(re.findall(r'"Fn::If": \["(\w+)"', json.dumps(written)))
    assert references == {*written["Parameters"], *written["Conditions"]}
