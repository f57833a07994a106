"""Dead letters back to the queue that they come from, to be worked on again."""

import argparse
import time

from tools.audit import on_record
from tools.deployments import Deployment


def redrive(deployment: Deployment, name: str) -> int:
    """How many were moved from the queue of this logical id; raises `SystemExit`."""
    sqs = deployment.client("sqs")
    arn, source = _way(deployment, name)
    with on_record(deployment.client, deployment.stack, "redrive", {"queue": name}) as record:
        sqs.start_message_move_task(SourceArn=arn, DestinationArn=source)
        while True:
            [task] = sqs.list_message_move_tasks(SourceArn=arn, MaxResults=1)["Results"]
            moved: int = task["ApproximateNumberOfMessagesMoved"]
            # SQS goes on with it if this is stopped.
            record.outcome = f"{moved} moved, {task['Status'].lower()}"
            if task["Status"] != "RUNNING":
                break
            time.sleep(1)
    if task["Status"] != "COMPLETED":
        raise SystemExit(f"{task['Status']}: {task.get('FailureReason')}")
    return moved


def preview(deployment: Deployment, name: str) -> str:
    """What it would do, for people; raises `SystemExit` where it would."""
    _, source = _way(deployment, name)
    waiting = deployment.attribute(deployment.queue(name), "ApproximateNumberOfMessages")
    return f"{waiting} would be moved to {source.split(':')[-1]}"


def _way(deployment: Deployment, name: str) -> tuple[str, str]:
    """The ARNs of the dead letters, and of the queue that they come from."""
    arn = deployment.attribute(deployment.queue(name), "QueueArn")
    urls = deployment.queues().values()
    sources = [url for url in urls if arn in deployment.attribute(url, "RedrivePolicy")]
    if len(sources) != 1:
        raise SystemExit(f"{name} is no queue of dead letters. Of pointers? make replay")
    # Named, since what a rule could not deliver never was in that queue.
    return arn, deployment.attribute(sources[0], "QueueArn")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("queue", help="its name in template.yaml")
    parser.add_argument("--environment", default="default")
    parser.add_argument("--dry-run", action="store_true", help="say how many, and move none")
    wanted = parser.parse_args()
    deployment = Deployment(wanted.environment)
    if wanted.dry_run:
        print(preview(deployment, wanted.queue))
    else:
        print(f"{redrive(deployment, wanted.queue)} moved")


if __name__ == "__main__":
    main()
