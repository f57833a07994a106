"""Dead letters back to the queue that they come from, to be worked on again."""

import argparse
import time

from tools.audit import leave_audit_line
from tools.deployments import Deployment


def redrive(deployment: Deployment, name: str) -> int:
    """How many were moved from the queue of this logical id; raises `SystemExit`."""
    sqs = deployment.client("sqs")
    arn, source = _way(deployment, name)
    sqs.start_message_move_task(SourceArn=arn, DestinationArn=source)
    while True:
        [task] = sqs.list_message_move_tasks(SourceArn=arn, MaxResults=1)["Results"]
        if task["Status"] != "RUNNING":
            break
        time.sleep(1)
    if task["Status"] != "COMPLETED":
        raise SystemExit(f"{task['Status']}: {task.get('FailureReason')}")
    moved: int = task["ApproximateNumberOfMessagesMoved"]
    return moved


def foresee(deployment: Deployment, name: str) -> str:
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
        print(foresee(deployment, wanted.queue))
    else:
        moved = redrive(deployment, wanted.queue)
        subject = {"queue": wanted.queue}
        leave_audit_line(deployment.client, deployment.stack, "redrive", subject, f"{moved} moved")
        print(f"{moved} moved")


if __name__ == "__main__":
    main()
