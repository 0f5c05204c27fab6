"""Every paginator and every waiter of boto3, by the client model that Backlot writes."""
import concurrent.futures
import os

import boto3

client = boto3.client("nimble", endpoint_url=os.environ["AWS_ENDPOINT_URL"])
studio, store = os.environ["BACKLOT_STUDIO_ID"], os.environ["BACKLOT_IDENTITY_STORE_ID"]
people = os.environ["BACKLOT_PRINCIPAL_IDS"].split(",")
waited = set()


def wait(name, **thing):
    client.get_waiter(name).wait(WaiterConfig={"Delay": 1}, **thing)
    waited.add(name)


def studios():
    role = "arn:aws:iam::123456789012:role/studio"
    made = client.create_studio(studioName="third", displayName="Third", adminRoleArn=role, userRoleArn=role)["studio"]
    wait("studio_ready", studioId=made["studioId"])
    client.delete_studio(studioId=made["studioId"])
    wait("studio_deleted", studioId=made["studioId"])


def catalogue():
    made = client.create_studio_component(
        studioId=studio, name="Licences", type="LICENSE_SERVICE",
        configuration={"licenseServiceConfiguration": {"endpoint": "licences.example"}},
    )["studioComponent"]
    component = {"studioId": studio, "studioComponentId": made["studioComponentId"]}
    made = client.create_streaming_image(studioId=studio, name="By boto3", ec2ImageId=os.environ["BACKLOT_EC2_IMAGE_ID"])["streamingImage"]
    image = {"studioId": studio, "streamingImageId": made["streamingImageId"]}
    wait("studio_component_ready", **component)
    wait("streaming_image_ready", **image)
    made = client.create_launch_profile(
        studioId=studio, name="By boto3", ec2SubnetIds=[], launchProfileProtocolVersions=["2021-03-31"],
        studioComponentIds=[component["studioComponentId"]],
        streamConfiguration={
            "clipboardMode": "DISABLED", "ec2InstanceTypes": ["g5.xlarge"], "streamingImageIds": [image["streamingImageId"]],
        },
    )["launchProfile"]
    profile = {"studioId": studio, "launchProfileId": made["launchProfileId"]}
    wait("launch_profile_ready", **profile)
    pages(profile)
    client.delete_launch_profile(**profile)
    wait("launch_profile_deleted", **profile)
    client.delete_streaming_image(**image)
    client.delete_studio_component(**component)
    wait("streaming_image_deleted", **image)
    wait("studio_component_deleted", **component)


def pages(profile):
    """Lists all there is to list; where a page may be of one, pages of one."""
    client.put_studio_members(
        studioId=studio, identityStoreId=store, members=[{"persona": "ADMINISTRATOR", "principalId": p} for p in people[3:]])
    client.put_launch_profile_members(
        identityStoreId=store, members=[{"persona": "USER", "principalId": p} for p in people[1:4]], **profile)
    client.accept_eulas(studioId=studio, eulaIds=["viewer", "painter"])
    for name, key, least, given in (
        ("list_studio_members", "members", 2, {"studioId": studio}),
        ("list_launch_profile_members", "members", 3, profile),
        ("list_studio_components", "studioComponents", 2, {"studioId": studio}),
        ("list_launch_profiles", "launchProfiles", 2, {"studioId": studio}),
        ("list_studios", "studios", 1, {}),
        ("list_streaming_images", "streamingImages", 3, {"studioId": studio}),
        ("list_streaming_sessions", "sessions", 0, {"studioId": studio}),
        ("list_streaming_session_backups", "streamingSessionBackups", 0, {"studioId": studio}),
        ("list_eulas", "eulas", 2, {}),
        ("list_eula_acceptances", "eulaAcceptances", 2, {"studioId": studio}),
    ):
        limited = "maxResults" in client.meta.service_model.operation_model(client.meta.method_to_api_mapping[name]).input_shape.members
        size = {"PageSize": 1} if limited else {}
        answers = list(client.get_paginator(name).paginate(PaginationConfig=size, **given))
        found = [json for answer in answers for json in answer[key]]
        assert len(found) >= least, (name, found)
        assert len(answers) >= (least if limited else 1), (name, len(answers))


def session():
    made = client.create_streaming_session(
        studioId=studio, launchProfileId=os.environ["BACKLOT_LAUNCH_PROFILE_ID"], ownedBy=people[0], ec2InstanceType="g4dn.xlarge")["session"]
    work = {"studioId": studio, "sessionId": made["sessionId"]}
    wait("streaming_session_ready", **work)
    stream = client.create_streaming_session_stream(**work)["stream"]
    wait("streaming_session_stream_ready", streamId=stream["streamId"], **work)
    client.stop_streaming_session(**work)
    wait("streaming_session_stopped", **work)
    client.delete_streaming_session(**work)
    wait("streaming_session_deleted", **work)


with concurrent.futures.ThreadPoolExecutor() as pool:
    for done in [pool.submit(part) for part in (studios, catalogue, session)]:
        done.result()
assert waited == set(client.waiter_names) and len(waited) == 12, set(client.waiter_names) - waited
