"""Expand template.yaml as AWS does, and print JSON; runs in SAM's environment.

Each argument `LogicalId=key` is the upload of a function or layer, or the value of a parameter.
"""

import json
import sys
from pathlib import Path
from typing import Any  # parts of a template

from boto3 import Session
from samcli.yamlhelper import yaml_parse
from samtranslator.parser.parser import Parser
from samtranslator.translator.translator import Translator


def included(part: Any) -> Any:
    """Replace each `AWS::Include` by its file: AWS does so before the transform of SAM."""
    match part:
        case {"Fn::Transform": {"Name": "AWS::Include", "Parameters": {"Location": location}}}:
            return json.loads(Path(location).read_text())
        case dict():
            return {name: included(inner) for name, inner in part.items()}
        case list():
            return [included(inner) for inner in part]
    return part


template = included(yaml_parse(Path("template.yaml").read_text()))
keys = dict(argument.split("=") for argument in sys.argv[1:])
for name, resource in template["Resources"].items():
    for property_ in ("CodeUri", "ContentUri"):
        if property_ in resource.get("Properties", {}):
            resource["Properties"][property_] = f"s3://bucket/{keys.get(name, name)}"
translator = Translator({}, Parser(), plugins=[], boto_session=Session(region_name="us-east-1"))
given = {name: value for name, value in keys.items() if name in template["Parameters"]}
print(json.dumps(translator.translate(template, {"Stage": "prod"} | given)))
