// What a pipeline in JavaScript does, against the server at AWS_ENDPOINT_URL.
import assert from "node:assert/strict";
import {
	AccessDeniedException, CreateStudioComponentCommand, DeleteStudioComponentCommand, GetStreamingSessionCommand,
	GetStudioCommand, GetStudioComponentCommand, ListTagsForResourceCommand, NimbleClient, ResourceNotFoundException,
	TagResourceCommand, UntagResourceCommand, UpdateStudioComponentCommand, ValidationException, paginateListStudioComponents,
	waitUntilStudioComponentDeleted, waitUntilStudioComponentReady,
} from "@aws-sdk/client-nimble";

const client = new NimbleClient({ endpoint: process.env.AWS_ENDPOINT_URL });
const studioId = process.env.BACKLOT_STUDIO_ID;
const patience = { client, maxWaitTime: 30, minDelay: 1, maxDelay: 1 };

const { studio } = await client.send(new GetStudioCommand({ studioId }));
assert.equal(studio.state, "READY");
assert.ok(studio.createdAt instanceof Date && studio.createdAt.getTime() > 0);

const made = await client.send(new CreateStudioComponentCommand({
	studioId, name: process.argv[2], type: "COMPUTE_FARM",
	configuration: { computeFarmConfiguration: { endpoint: "farm.example" } },
}));
const { studioComponentId, arn } = made.studioComponent;
const component = { studioId, studioComponentId };
await waitUntilStudioComponentReady(patience, component);
await client.send(new UpdateStudioComponentCommand({ ...component, description: "größer, 日本語" }));
await waitUntilStudioComponentReady(patience, component);
const got = (await client.send(new GetStudioComponentCommand(component))).studioComponent;
assert.equal(got.description, "größer, 日本語");
assert.equal(got.configuration.computeFarmConfiguration.endpoint, "farm.example");

let pages = 0, found = 0;
for await (const page of paginateListStudioComponents({ client, pageSize: 1 }, { studioId })) {
	pages++;
	found += page.studioComponents.length;
}
assert.ok(pages >= 2 && found >= 2, `${found} components on ${pages} pages`);

await client.send(new TagResourceCommand({ resourceArn: arn, tags: { "a b": "ü/+&=", c: "d" } }));
await client.send(new UntagResourceCommand({ resourceArn: arn, tagKeys: ["c"] }));
assert.deepEqual((await client.send(new ListTagsForResourceCommand({ resourceArn: arn }))).tags, { "a b": "ü/+&=" });

await client.send(new DeleteStudioComponentCommand(component));
await waitUntilStudioComponentDeleted(patience, component);
await assert.rejects(client.send(new GetStudioComponentCommand({ studioId, studioComponentId: "nothing" })),
	(e) => e instanceof ResourceNotFoundException && e.$fault === "client" && e.code === "NOT_FOUND" && e.context.resourceId === "nothing");
await assert.rejects(client.send(new CreateStudioComponentCommand({ studioId, name: "x", type: "HOVERCRAFT" })),
	(e) => e instanceof ValidationException && e.context.member === "type");
await assert.rejects(client.send(new GetStreamingSessionCommand({ studioId: "us-west-2:stid-nowhere000000000", sessionId: "x" })),
	(e) => e instanceof AccessDeniedException || e instanceof ResourceNotFoundException);
