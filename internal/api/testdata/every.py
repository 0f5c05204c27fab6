"""Calls every operation with the given inputs and prints the answers."""
import datetime
import json
import os
import tempfile

import boto3
import botocore.config
import botocore.loaders

# Hide the client model that boto3 has, so that the one of AWS_DATA_PATH is used.
own = botocore.loaders.Loader.BUILTIN_DATA_PATH
hidden = tempfile.mkdtemp(dir=os.environ["HOME"])
for name in os.listdir(own):
    if name != "nimble":
        os.symlink(os.path.join(own, name), os.path.join(hidden, name))
botocore.loaders.Loader.BUILTIN_DATA_PATH = hidden

client = boto3.client(
    "nimble",
    endpoint_url=os.environ["ENDPOINT"],
    config=botocore.config.Config(retries={"total_max_attempts": 1}),
)
assert len(client.waiter_names) == 12, client.waiter_names
method = {api: python for python, api in client.meta.method_to_api_mapping.items()}
assert sum(map(client.can_paginate, method.values())) == 10


def plain(value):
    if isinstance(value, datetime.datetime):
        return value.astimezone(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    raise TypeError(value)


answers = {}
for operation, parameters in json.loads(os.environ["INPUTS"]).items():
    answer = getattr(client, method[operation])(**parameters)
    assert answer.pop("ResponseMetadata")["RequestId"], operation
    answers[operation] = answer
print(json.dumps(answers, default=plain))
