"""``make redrive``: move dead letters back to their source queue."""

import argparse
import time

from tools.audit import audited
from tools.deployments import Deployment


def redrive(deployment: Deployment, name: str) -> int:
    """Return the number of messages moved from this queue; raise `SystemExit` on failure."""
    sqs = deployment.client("sqs")
    arn, source = _source_of(deployment, name)
    with audited(deployment.client, deployment.stack, "redrive", {"queue": name}) as record:
        sqs.start_message_move_task(SourceArn=arn, DestinationArn=source)
        while True:
            [task] = sqs.list_message_move_tasks(SourceArn=arn, MaxResults=1)["Results"]
            moved: int = task["ApproximateNumberOfMessagesMoved"]
            # SQS continues the move if this process stops.
            record.outcome = f"{moved} moved, {task['Status'].lower()}"
            if task["Status"] != "RUNNING":
                break
            time.sleep(1)
    if task["Status"] != "COMPLETED":
        raise SystemExit(f"{task['Status']}: {task.get('FailureReason')}")
    return moved


def preview(deployment: Deployment, name: str) -> str:
    """Return a text with the number of messages; raise `SystemExit` like `redrive`."""
    _, source = _source_of(deployment, name)
    waiting = deployment.attribute(deployment.queue(name), "ApproximateNumberOfMessages")
    return f"{waiting} would be moved to {source.split(':')[-1]}"


def _source_of(deployment: Deployment, name: str) -> tuple[str, str]:
    """Return the ARNs of the dead-letter queue and of its source queue."""
    arn = deployment.attribute(deployment.queue(name), "QueueArn")
    urls = deployment.queues().values()
    sources = [url for url in urls if arn in deployment.attribute(url, "RedrivePolicy")]
    if len(sources) != 1:
        raise SystemExit(
            f"{name} is no queue of dead letters. For a queue of stream pointers: make replay"
        )
    # Explicit, since events that a rule could not deliver were never in the source queue.
    return arn, deployment.attribute(sources[0], "QueueArn")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("queue", help="logical id in template.yaml")
    parser.add_argument("--environment", default="default")
    parser.add_argument(
        "--dry-run", action="store_true", help="print the number of messages and move none"
    )
    options = parser.parse_args()
    deployment = Deployment(options.environment)
    if options.dry_run:
        print(preview(deployment, options.queue))
    else:
        print(f"{redrive(deployment, options.queue)} moved")


if __name__ == "__main__":
    main()
