"""``make destroy``: delete a development stack and all its data, after a confirmation."""

import argparse
import sys
from collections.abc import Callable

from tools.deployments import Deployment


class NotDestroyable(Exception):
    """The stack must not be deleted; the message has the reason."""


def destroy(deployment: Deployment, ask: Callable[[str], str]) -> None:
    """Delete stack, tables and public keys; raise `NotDestroyable`."""
    parameters = deployment.parameters()
    if parameters["Stage"] == "prod":
        raise NotDestroyable("it is prod.")
    if parameters["DataProtection"] == "on" or parameters["DataDeletionPolicy"] == "Retain":
        raise NotDestroyable(
            "its data is protected. If nobody needs the data, first deploy it with "
            "DataProtection=off DataDeletionPolicy=Delete."
        )
    name = deployment.stack
    if ask(f"This deletes {name} and all its data. Type {name} to continue: ").strip() != name:
        raise NotDestroyable("the name typed is not the name of the stack.")
    cloudformation = deployment.client("cloudformation")
    cloudformation.delete_stack(StackName=name)
    cloudformation.get_waiter("stack_delete_complete").wait(StackName=name)
    # A function writes this parameter, so CloudFormation does not delete it.
    deployment.client("ssm").delete_parameters(Names=[f"/{name}/jwks"])


def main() -> None:
    parser = argparse.ArgumentParser(prog="make destroy", description=__doc__)
    parser.add_argument("--environment", required=True, help="of samconfig.toml")
    deployment = Deployment(parser.parse_args().environment)
    try:
        destroy(deployment, input)
    except NotDestroyable as error:
        sys.exit(f"{deployment.stack} is kept: {error}")
    print(f"{deployment.stack} is deleted.")


if __name__ == "__main__":
    main()
