"""``make destroy``: deletes a stack for development, with all its data, after asking."""

import argparse
import sys
from collections.abc import Callable

from tools.deployments import Deployment


class Refused(Exception):
    """Why a stack is not deleted."""


def destroy(deployment: Deployment, ask: Callable[[str], str]) -> None:
    """Stack, tables and public keys; raises `Refused`."""
    parameters = deployment.parameters()
    if parameters["Stage"] == "prod":
        raise Refused("it is prod.")
    if parameters["DataProtection"] == "on" or parameters["DataDeletionPolicy"] == "Retain":
        raise Refused(
            "its data is protected. Deploy it with DataProtection=off DataDeletionPolicy=Delete "
            "first, if nobody needs that any more."
        )
    name = deployment.stack
    if ask(f"This deletes {name} and all its data. Type {name} to go on: ").strip() != name:
        raise Refused("you did not type its name.")
    cloudformation = deployment.client("cloudformation")
    cloudformation.delete_stack(StackName=name)
    cloudformation.get_waiter("stack_delete_complete").wait(StackName=name)
    # Written by a function, so that CloudFormation does not know it
    deployment.client("ssm").delete_parameters(Names=[f"/{name}/jwks"])


def main() -> None:
    parser = argparse.ArgumentParser(prog="make destroy", description=__doc__)
    parser.add_argument("--environment", required=True, help="of samconfig.toml")
    deployment = Deployment(parser.parse_args().environment)
    try:
        destroy(deployment, input)
    except Refused as why:
        sys.exit(f"{deployment.stack} stays: {why}")
    print(f"{deployment.stack} is deleted.")


if __name__ == "__main__":
    main()
