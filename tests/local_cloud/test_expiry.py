"""Deletion by TTL, with its own reaper, since a deployed one runs once a minute."""

import json
import subprocess

from tools.local_cloud.emulator_process import PYTHON, REPOSITORY

# Runs in the emulator's environment, with a reaper that sleeps 0 s once.
EXPIRE = """
import json, threading, time
from ministack.services import dynamodb
from tools.local_cloud.emulator.patches.streams import EXPIRY_THREAD, mark_expired_items

mark_expired_items()
dynamodb._create_table({
    "TableName": "things", "BillingMode": "PAY_PER_REQUEST",
    "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
    "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
    "StreamSpecification": {"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"},
})
dynamodb._update_ttl({
    "TableName": "things",
    "TimeToLiveSpecification": {"Enabled": True, "AttributeName": "expires"},
})
for name, expires in (("old", "1"), ("new", str(int(time.time()) + 60)), ("deleted", "1")):
    item = {"id": {"S": name}, "expires": {"N": expires}}
    dynamodb._put_item({"TableName": "things", "Item": item})
dynamodb._delete_item({"TableName": "things", "Key": {"id": {"S": "deleted"}}})

done, naps = threading.Event(), iter((0, 60))
class Clock:
    time = time.time
    def sleep(self, _):
        nap = next(naps)
        if nap:
            done.set()
        time.sleep(nap)
dynamodb.time = Clock()
threading.Thread(target=dynamodb._ttl_reaper, name=EXPIRY_THREAD, daemon=True).start()
done.wait()
print(json.dumps(dynamodb._stream_records["things"]))
"""


def test_expired_item_is_on_the_stream_as_removed_by_the_service() -> None:
    ran = subprocess.run(
        [PYTHON, "-c", EXPIRE], cwd=REPOSITORY, capture_output=True, text=True, check=True
    )

    records = json.loads(ran.stdout.splitlines()[-1])
    deleted, expired = [it for it in records if it["eventName"] == "REMOVE"]
    assert expired["dynamodb"]["OldImage"]["id"] == {"S": "old"}
    assert expired["userIdentity"] == {"PrincipalId": "dynamodb.amazonaws.com", "Type": "Service"}
    assert "userIdentity" not in deleted
