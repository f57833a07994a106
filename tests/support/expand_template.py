"""Expand template.yaml as a deployment does, and print JSON; runs in SAM's environment.

Each argument `LogicalId=key` is the upload of a function or layer, or the value of a parameter.
"""

import json
import sys
from pathlib import Path

from boto3 import Session
from samcli.yamlhelper import yaml_parse
from samtranslator.parser.parser import Parser
from samtranslator.translator.translator import Translator

template = yaml_parse(Path("template.yaml").read_text())
keys = dict(argument.split("=") for argument in sys.argv[1:])
for name, resource in template["Resources"].items():
    for property_ in ("CodeUri", "ContentUri"):
        if property_ in resource.get("Properties", {}):
            resource["Properties"][property_] = f"s3://bucket/{keys.get(name, name)}"
translator = Translator({}, Parser(), plugins=[], boto_session=Session(region_name="us-east-1"))
given = {name: value for name, value in keys.items() if name in template["Parameters"]}
expanded = translator.translate(template, {"Stage": "prod"} | given)
# AWS applies this transform after SAM's.
expanded["Transform"] = "AWS::LanguageExtensions"
print(json.dumps(expanded))
