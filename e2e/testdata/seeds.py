"""The four calls the project was asked for, as a script of a studio makes them."""
import datetime
import json
import os
import sys
import time

import boto3

client = boto3.client("nimble", endpoint_url=os.environ["AWS_ENDPOINT_URL"])
studio, session = os.environ["STUDIO"], sys.argv[1]

got = client.get_streaming_session(sessionId=session, studioId=studio)["session"]
assert got["state"] == "READY", got
for name in ("createdAt", "updatedAt", "stopAt"):
    assert isinstance(got[name], datetime.datetime), (name, got)
assert got["volumeConfiguration"] == {"iops": 3000, "size": 100, "throughput": 125}, got
assert got["tags"] == {} and got["maxBackupsToRetain"] == 3, got

made = client.create_streaming_session_stream(sessionId=session, studioId=studio)["stream"]
client.get_waiter("streaming_session_stream_ready").wait(sessionId=session, streamId=made["streamId"], studioId=studio)
stream = client.get_streaming_session_stream(sessionId=session, streamId=made["streamId"], studioId=studio)["stream"]
assert stream["url"].startswith("http") and stream["statusCode"] == "STREAM_READY", stream["statusCode"]

stopping = client.stop_streaming_session(sessionId=session, studioId=studio, volumeRetentionMode="RETAIN")["session"]
assert stopping["state"] == "STOP_IN_PROGRESS" and "stoppedAt" in stopping, stopping

owner = got["ownedBy"]
mine = [
    b
    for page in client.get_paginator("list_streaming_session_backups").paginate(studioId=studio, ownedBy=owner)
    for b in page["streamingSessionBackups"]
    if b["sessionId"] == session
]
assert len(mine) == 1, mine
backup = {"state": "CREATE_IN_PROGRESS"}
while backup["state"] == "CREATE_IN_PROGRESS":
    backup = client.get_streaming_session_backup(backupId=mine[0]["backupId"], studioId=studio)["streamingSessionBackup"]
    time.sleep(0.1)
assert backup["state"] == "READY" and backup["ownedBy"] == owner, backup
client.get_waiter("streaming_session_stopped").wait(sessionId=session, studioId=studio)

try:
    client.get_streaming_session(sessionId="nothing", studioId=studio)
except client.exceptions.AccessDeniedException as refused:
    print(json.dumps(refused.response["Error"]))
else:
    raise AssertionError("an unknown session was answered")
