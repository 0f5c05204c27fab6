BEGIN TRANSACTION;
CREATE TABLE access_keys (
	id           text   NOT NULL PRIMARY KEY,
	studio_id    text,
	parent_id    text,
	owned_by     text,
	created_by   text,
	state        text   NOT NULL,
	unique_key   text,
	created_at   bigint NOT NULL,
	due_at       bigint,
	revision     bigint NOT NULL,
	lease_number bigint NOT NULL DEFAULT 0,
	lease_holder text   NOT NULL DEFAULT '',
	lease_until  bigint NOT NULL DEFAULT 0,
	body         text   NOT NULL
);
CREATE TABLE backups (
	id           text   NOT NULL PRIMARY KEY,
	studio_id    text,
	parent_id    text,
	owned_by     text,
	created_by   text,
	state        text   NOT NULL,
	unique_key   text,
	created_at   bigint NOT NULL,
	due_at       bigint,
	revision     bigint NOT NULL,
	lease_number bigint NOT NULL DEFAULT 0,
	lease_holder text   NOT NULL DEFAULT '',
	lease_until  bigint NOT NULL DEFAULT 0,
	body         text   NOT NULL
);
INSERT INTO "backups" VALUES('b',NULL,'us-west-2:a',NULL,NULL,'DELETED',NULL,1772352000123456,NULL,1,0,'',0,'{"Kind":"backups","Cols":{"ID":"b","StudioID":"","ParentID":"us-west-2:a","OwnedBy":"","CreatedBy":"","State":"DELETED","Unique":"","CreatedAt":"2026-03-01T08:00:00.123456789Z","DueAt":"0001-01-01T00:00:00Z"},"Note":"","At":"0001-01-01T00:00:00Z"}');
CREATE TABLE client_tokens (
	id           text   NOT NULL PRIMARY KEY,
	studio_id    text,
	parent_id    text,
	owned_by     text,
	created_by   text,
	state        text   NOT NULL,
	unique_key   text,
	created_at   bigint NOT NULL,
	due_at       bigint,
	revision     bigint NOT NULL,
	lease_number bigint NOT NULL DEFAULT 0,
	lease_holder text   NOT NULL DEFAULT '',
	lease_until  bigint NOT NULL DEFAULT 0,
	body         text   NOT NULL
);
CREATE TABLE eula_acceptances (
	id           text   NOT NULL PRIMARY KEY,
	studio_id    text,
	parent_id    text,
	owned_by     text,
	created_by   text,
	state        text   NOT NULL,
	unique_key   text,
	created_at   bigint NOT NULL,
	due_at       bigint,
	revision     bigint NOT NULL,
	lease_number bigint NOT NULL DEFAULT 0,
	lease_holder text   NOT NULL DEFAULT '',
	lease_until  bigint NOT NULL DEFAULT 0,
	body         text   NOT NULL
);
CREATE TABLE goose_db_version (
		id INTEGER PRIMARY KEY AUTOINCREMENT,
		version_id INTEGER NOT NULL,
		is_applied INTEGER NOT NULL,
		tstamp TIMESTAMP DEFAULT (datetime('now'))
	);
INSERT INTO "goose_db_version" VALUES(1,0,1,'2026-11-21 01:05:56');
INSERT INTO "goose_db_version" VALUES(2,1,1,'2026-11-21 01:05:56');
INSERT INTO "goose_db_version" VALUES(3,2,1,'2026-11-21 01:05:56');
CREATE TABLE launch_profile_members (
	id           text   NOT NULL PRIMARY KEY,
	studio_id    text,
	parent_id    text,
	owned_by     text,
	created_by   text,
	state        text   NOT NULL,
	unique_key   text,
	created_at   bigint NOT NULL,
	due_at       bigint,
	revision     bigint NOT NULL,
	lease_number bigint NOT NULL DEFAULT 0,
	lease_holder text   NOT NULL DEFAULT '',
	lease_until  bigint NOT NULL DEFAULT 0,
	body         text   NOT NULL
);
CREATE TABLE launch_profiles (
	id           text   NOT NULL PRIMARY KEY,
	studio_id    text,
	parent_id    text,
	owned_by     text,
	created_by   text,
	state        text   NOT NULL,
	unique_key   text,
	created_at   bigint NOT NULL,
	due_at       bigint,
	revision     bigint NOT NULL,
	lease_number bigint NOT NULL DEFAULT 0,
	lease_holder text   NOT NULL DEFAULT '',
	lease_until  bigint NOT NULL DEFAULT 0,
	body         text   NOT NULL
);
CREATE TABLE logins (
	id           text   NOT NULL PRIMARY KEY,
	studio_id    text,
	parent_id    text,
	owned_by     text,
	created_by   text,
	state        text   NOT NULL,
	unique_key   text,
	created_at   bigint NOT NULL,
	due_at       bigint,
	revision     bigint NOT NULL,
	lease_number bigint NOT NULL DEFAULT 0,
	lease_holder text   NOT NULL DEFAULT '',
	lease_until  bigint NOT NULL DEFAULT 0,
	body         text   NOT NULL
);
CREATE TABLE sessions (
	id           text   NOT NULL PRIMARY KEY,
	studio_id    text,
	parent_id    text,
	owned_by     text,
	created_by   text,
	state        text   NOT NULL,
	unique_key   text,
	created_at   bigint NOT NULL,
	due_at       bigint,
	revision     bigint NOT NULL,
	lease_number bigint NOT NULL DEFAULT 0,
	lease_holder text   NOT NULL DEFAULT '',
	lease_until  bigint NOT NULL DEFAULT 0,
	body         text   NOT NULL
);
INSERT INTO "sessions" VALUES('us-west-2:a','s',NULL,'o','c','READY','u',1772352000123456,1772355600123457,2,1,'holder',1772359260123456,'{"Kind":"sessions","Cols":{"ID":"us-west-2:a","StudioID":"s","ParentID":"","OwnedBy":"o","CreatedBy":"c","State":"READY","Unique":"u","CreatedAt":"2026-03-01T08:00:00.123456789Z","DueAt":"0001-01-01T00:00:00Z"},"Wait":3600000000000,"Note":"it''s 日本 \u0000\n!","At":"2026-03-01T08:00:00.123456789Z"}');
CREATE TABLE settings (
	id           text   NOT NULL PRIMARY KEY,
	studio_id    text,
	parent_id    text,
	owned_by     text,
	created_by   text,
	state        text   NOT NULL,
	unique_key   text,
	created_at   bigint NOT NULL,
	due_at       bigint,
	revision     bigint NOT NULL,
	lease_number bigint NOT NULL DEFAULT 0,
	lease_holder text   NOT NULL DEFAULT '',
	lease_until  bigint NOT NULL DEFAULT 0,
	body         text   NOT NULL
);
CREATE TABLE streaming_images (
	id           text   NOT NULL PRIMARY KEY,
	studio_id    text,
	parent_id    text,
	owned_by     text,
	created_by   text,
	state        text   NOT NULL,
	unique_key   text,
	created_at   bigint NOT NULL,
	due_at       bigint,
	revision     bigint NOT NULL,
	lease_number bigint NOT NULL DEFAULT 0,
	lease_holder text   NOT NULL DEFAULT '',
	lease_until  bigint NOT NULL DEFAULT 0,
	body         text   NOT NULL
);
CREATE TABLE streams (
	id           text   NOT NULL PRIMARY KEY,
	studio_id    text,
	parent_id    text,
	owned_by     text,
	created_by   text,
	state        text   NOT NULL,
	unique_key   text,
	created_at   bigint NOT NULL,
	due_at       bigint,
	revision     bigint NOT NULL,
	lease_number bigint NOT NULL DEFAULT 0,
	lease_holder text   NOT NULL DEFAULT '',
	lease_until  bigint NOT NULL DEFAULT 0,
	body         text   NOT NULL
);
CREATE TABLE studio_components (
	id           text   NOT NULL PRIMARY KEY,
	studio_id    text,
	parent_id    text,
	owned_by     text,
	created_by   text,
	state        text   NOT NULL,
	unique_key   text,
	created_at   bigint NOT NULL,
	due_at       bigint,
	revision     bigint NOT NULL,
	lease_number bigint NOT NULL DEFAULT 0,
	lease_holder text   NOT NULL DEFAULT '',
	lease_until  bigint NOT NULL DEFAULT 0,
	body         text   NOT NULL
);
CREATE TABLE studio_members (
	id           text   NOT NULL PRIMARY KEY,
	studio_id    text,
	parent_id    text,
	owned_by     text,
	created_by   text,
	state        text   NOT NULL,
	unique_key   text,
	created_at   bigint NOT NULL,
	due_at       bigint,
	revision     bigint NOT NULL,
	lease_number bigint NOT NULL DEFAULT 0,
	lease_holder text   NOT NULL DEFAULT '',
	lease_until  bigint NOT NULL DEFAULT 0,
	body         text   NOT NULL
);
CREATE TABLE studios (
	id           text   NOT NULL PRIMARY KEY,
	studio_id    text,
	parent_id    text,
	owned_by     text,
	created_by   text,
	state        text   NOT NULL,
	unique_key   text,
	created_at   bigint NOT NULL,
	due_at       bigint,
	revision     bigint NOT NULL,
	lease_number bigint NOT NULL DEFAULT 0,
	lease_holder text   NOT NULL DEFAULT '',
	lease_until  bigint NOT NULL DEFAULT 0,
	body         text   NOT NULL
);
CREATE TABLE users (
	id           text   NOT NULL PRIMARY KEY,
	studio_id    text,
	parent_id    text,
	owned_by     text,
	created_by   text,
	state        text   NOT NULL,
	unique_key   text,
	created_at   bigint NOT NULL,
	due_at       bigint,
	revision     bigint NOT NULL,
	lease_number bigint NOT NULL DEFAULT 0,
	lease_holder text   NOT NULL DEFAULT '',
	lease_until  bigint NOT NULL DEFAULT 0,
	body         text   NOT NULL
);
CREATE UNIQUE INDEX studios_unique ON studios (unique_key) WHERE unique_key IS NOT NULL;
CREATE INDEX studios_created ON studios (created_at, id);
CREATE INDEX studios_studio ON studios (studio_id, created_at, id) WHERE studio_id IS NOT NULL;
CREATE INDEX studios_live ON studios (studio_id, created_at, id) WHERE studio_id IS NOT NULL AND state <> 'DELETED';
CREATE INDEX studios_parent ON studios (parent_id, created_at, id) WHERE parent_id IS NOT NULL;
CREATE INDEX studios_owner ON studios (owned_by, studio_id, created_at, id) WHERE owned_by IS NOT NULL;
CREATE INDEX studios_creator ON studios (created_by, studio_id, created_at, id) WHERE created_by IS NOT NULL;
CREATE INDEX studios_due ON studios (due_at) WHERE due_at IS NOT NULL;
CREATE INDEX studios_leased ON studios (lease_until) WHERE lease_until > 0;
CREATE UNIQUE INDEX studio_members_unique ON studio_members (unique_key) WHERE unique_key IS NOT NULL;
CREATE INDEX studio_members_created ON studio_members (created_at, id);
CREATE INDEX studio_members_studio ON studio_members (studio_id, created_at, id) WHERE studio_id IS NOT NULL;
CREATE INDEX studio_members_live ON studio_members (studio_id, created_at, id) WHERE studio_id IS NOT NULL AND state <> 'DELETED';
CREATE INDEX studio_members_parent ON studio_members (parent_id, created_at, id) WHERE parent_id IS NOT NULL;
CREATE INDEX studio_members_owner ON studio_members (owned_by, studio_id, created_at, id) WHERE owned_by IS NOT NULL;
CREATE INDEX studio_members_creator ON studio_members (created_by, studio_id, created_at, id) WHERE created_by IS NOT NULL;
CREATE INDEX studio_members_due ON studio_members (due_at) WHERE due_at IS NOT NULL;
CREATE INDEX studio_members_leased ON studio_members (lease_until) WHERE lease_until > 0;
CREATE UNIQUE INDEX studio_components_unique ON studio_components (unique_key) WHERE unique_key IS NOT NULL;
CREATE INDEX studio_components_created ON studio_components (created_at, id);
CREATE INDEX studio_components_studio ON studio_components (studio_id, created_at, id) WHERE studio_id IS NOT NULL;
CREATE INDEX studio_components_live ON studio_components (studio_id, created_at, id) WHERE studio_id IS NOT NULL AND state <> 'DELETED';
CREATE INDEX studio_components_parent ON studio_components (parent_id, created_at, id) WHERE parent_id IS NOT NULL;
CREATE INDEX studio_components_owner ON studio_components (owned_by, studio_id, created_at, id) WHERE owned_by IS NOT NULL;
CREATE INDEX studio_components_creator ON studio_components (created_by, studio_id, created_at, id) WHERE created_by IS NOT NULL;
CREATE INDEX studio_components_due ON studio_components (due_at) WHERE due_at IS NOT NULL;
CREATE INDEX studio_components_leased ON studio_components (lease_until) WHERE lease_until > 0;
CREATE UNIQUE INDEX launch_profiles_unique ON launch_profiles (unique_key) WHERE unique_key IS NOT NULL;
CREATE INDEX launch_profiles_created ON launch_profiles (created_at, id);
CREATE INDEX launch_profiles_studio ON launch_profiles (studio_id, created_at, id) WHERE studio_id IS NOT NULL;
CREATE INDEX launch_profiles_live ON launch_profiles (studio_id, created_at, id) WHERE studio_id IS NOT NULL AND state <> 'DELETED';
CREATE INDEX launch_profiles_parent ON launch_profiles (parent_id, created_at, id) WHERE parent_id IS NOT NULL;
CREATE INDEX launch_profiles_owner ON launch_profiles (owned_by, studio_id, created_at, id) WHERE owned_by IS NOT NULL;
CREATE INDEX launch_profiles_creator ON launch_profiles (created_by, studio_id, created_at, id) WHERE created_by IS NOT NULL;
CREATE INDEX launch_profiles_due ON launch_profiles (due_at) WHERE due_at IS NOT NULL;
CREATE INDEX launch_profiles_leased ON launch_profiles (lease_until) WHERE lease_until > 0;
CREATE UNIQUE INDEX launch_profile_members_unique ON launch_profile_members (unique_key) WHERE unique_key IS NOT NULL;
CREATE INDEX launch_profile_members_created ON launch_profile_members (created_at, id);
CREATE INDEX launch_profile_members_studio ON launch_profile_members (studio_id, created_at, id) WHERE studio_id IS NOT NULL;
CREATE INDEX launch_profile_members_live ON launch_profile_members (studio_id, created_at, id) WHERE studio_id IS NOT NULL AND state <> 'DELETED';
CREATE INDEX launch_profile_members_parent ON launch_profile_members (parent_id, created_at, id) WHERE parent_id IS NOT NULL;
CREATE INDEX launch_profile_members_owner ON launch_profile_members (owned_by, studio_id, created_at, id) WHERE owned_by IS NOT NULL;
CREATE INDEX launch_profile_members_creator ON launch_profile_members (created_by, studio_id, created_at, id) WHERE created_by IS NOT NULL;
CREATE INDEX launch_profile_members_due ON launch_profile_members (due_at) WHERE due_at IS NOT NULL;
CREATE INDEX launch_profile_members_leased ON launch_profile_members (lease_until) WHERE lease_until > 0;
CREATE UNIQUE INDEX streaming_images_unique ON streaming_images (unique_key) WHERE unique_key IS NOT NULL;
CREATE INDEX streaming_images_created ON streaming_images (created_at, id);
CREATE INDEX streaming_images_studio ON streaming_images (studio_id, created_at, id) WHERE studio_id IS NOT NULL;
CREATE INDEX streaming_images_live ON streaming_images (studio_id, created_at, id) WHERE studio_id IS NOT NULL AND state <> 'DELETED';
CREATE INDEX streaming_images_parent ON streaming_images (parent_id, created_at, id) WHERE parent_id IS NOT NULL;
CREATE INDEX streaming_images_owner ON streaming_images (owned_by, studio_id, created_at, id) WHERE owned_by IS NOT NULL;
CREATE INDEX streaming_images_creator ON streaming_images (created_by, studio_id, created_at, id) WHERE created_by IS NOT NULL;
CREATE INDEX streaming_images_due ON streaming_images (due_at) WHERE due_at IS NOT NULL;
CREATE INDEX streaming_images_leased ON streaming_images (lease_until) WHERE lease_until > 0;
CREATE UNIQUE INDEX sessions_unique ON sessions (unique_key) WHERE unique_key IS NOT NULL;
CREATE INDEX sessions_created ON sessions (created_at, id);
CREATE INDEX sessions_studio ON sessions (studio_id, created_at, id) WHERE studio_id IS NOT NULL;
CREATE INDEX sessions_live ON sessions (studio_id, created_at, id) WHERE studio_id IS NOT NULL AND state <> 'DELETED';
CREATE INDEX sessions_parent ON sessions (parent_id, created_at, id) WHERE parent_id IS NOT NULL;
CREATE INDEX sessions_owner ON sessions (owned_by, studio_id, created_at, id) WHERE owned_by IS NOT NULL;
CREATE INDEX sessions_creator ON sessions (created_by, studio_id, created_at, id) WHERE created_by IS NOT NULL;
CREATE INDEX sessions_due ON sessions (due_at) WHERE due_at IS NOT NULL;
CREATE INDEX sessions_leased ON sessions (lease_until) WHERE lease_until > 0;
CREATE UNIQUE INDEX streams_unique ON streams (unique_key) WHERE unique_key IS NOT NULL;
CREATE INDEX streams_created ON streams (created_at, id);
CREATE INDEX streams_studio ON streams (studio_id, created_at, id) WHERE studio_id IS NOT NULL;
CREATE INDEX streams_live ON streams (studio_id, created_at, id) WHERE studio_id IS NOT NULL AND state <> 'DELETED';
CREATE INDEX streams_parent ON streams (parent_id, created_at, id) WHERE parent_id IS NOT NULL;
CREATE INDEX streams_owner ON streams (owned_by, studio_id, created_at, id) WHERE owned_by IS NOT NULL;
CREATE INDEX streams_creator ON streams (created_by, studio_id, created_at, id) WHERE created_by IS NOT NULL;
CREATE INDEX streams_due ON streams (due_at) WHERE due_at IS NOT NULL;
CREATE INDEX streams_leased ON streams (lease_until) WHERE lease_until > 0;
CREATE UNIQUE INDEX backups_unique ON backups (unique_key) WHERE unique_key IS NOT NULL;
CREATE INDEX backups_created ON backups (created_at, id);
CREATE INDEX backups_studio ON backups (studio_id, created_at, id) WHERE studio_id IS NOT NULL;
CREATE INDEX backups_live ON backups (studio_id, created_at, id) WHERE studio_id IS NOT NULL AND state <> 'DELETED';
CREATE INDEX backups_parent ON backups (parent_id, created_at, id) WHERE parent_id IS NOT NULL;
CREATE INDEX backups_owner ON backups (owned_by, studio_id, created_at, id) WHERE owned_by IS NOT NULL;
CREATE INDEX backups_creator ON backups (created_by, studio_id, created_at, id) WHERE created_by IS NOT NULL;
CREATE INDEX backups_due ON backups (due_at) WHERE due_at IS NOT NULL;
CREATE INDEX backups_leased ON backups (lease_until) WHERE lease_until > 0;
CREATE UNIQUE INDEX client_tokens_unique ON client_tokens (unique_key) WHERE unique_key IS NOT NULL;
CREATE INDEX client_tokens_created ON client_tokens (created_at, id);
CREATE INDEX client_tokens_studio ON client_tokens (studio_id, created_at, id) WHERE studio_id IS NOT NULL;
CREATE INDEX client_tokens_live ON client_tokens (studio_id, created_at, id) WHERE studio_id IS NOT NULL AND state <> 'DELETED';
CREATE INDEX client_tokens_parent ON client_tokens (parent_id, created_at, id) WHERE parent_id IS NOT NULL;
CREATE INDEX client_tokens_owner ON client_tokens (owned_by, studio_id, created_at, id) WHERE owned_by IS NOT NULL;
CREATE INDEX client_tokens_creator ON client_tokens (created_by, studio_id, created_at, id) WHERE created_by IS NOT NULL;
CREATE INDEX client_tokens_due ON client_tokens (due_at) WHERE due_at IS NOT NULL;
CREATE INDEX client_tokens_leased ON client_tokens (lease_until) WHERE lease_until > 0;
CREATE UNIQUE INDEX users_unique ON users (unique_key) WHERE unique_key IS NOT NULL;
CREATE INDEX users_created ON users (created_at, id);
CREATE INDEX users_studio ON users (studio_id, created_at, id) WHERE studio_id IS NOT NULL;
CREATE INDEX users_live ON users (studio_id, created_at, id) WHERE studio_id IS NOT NULL AND state <> 'DELETED';
CREATE INDEX users_parent ON users (parent_id, created_at, id) WHERE parent_id IS NOT NULL;
CREATE INDEX users_owner ON users (owned_by, studio_id, created_at, id) WHERE owned_by IS NOT NULL;
CREATE INDEX users_creator ON users (created_by, studio_id, created_at, id) WHERE created_by IS NOT NULL;
CREATE INDEX users_due ON users (due_at) WHERE due_at IS NOT NULL;
CREATE INDEX users_leased ON users (lease_until) WHERE lease_until > 0;
CREATE UNIQUE INDEX access_keys_unique ON access_keys (unique_key) WHERE unique_key IS NOT NULL;
CREATE INDEX access_keys_created ON access_keys (created_at, id);
CREATE INDEX access_keys_studio ON access_keys (studio_id, created_at, id) WHERE studio_id IS NOT NULL;
CREATE INDEX access_keys_live ON access_keys (studio_id, created_at, id) WHERE studio_id IS NOT NULL AND state <> 'DELETED';
CREATE INDEX access_keys_parent ON access_keys (parent_id, created_at, id) WHERE parent_id IS NOT NULL;
CREATE INDEX access_keys_owner ON access_keys (owned_by, studio_id, created_at, id) WHERE owned_by IS NOT NULL;
CREATE INDEX access_keys_creator ON access_keys (created_by, studio_id, created_at, id) WHERE created_by IS NOT NULL;
CREATE INDEX access_keys_due ON access_keys (due_at) WHERE due_at IS NOT NULL;
CREATE INDEX access_keys_leased ON access_keys (lease_until) WHERE lease_until > 0;
CREATE UNIQUE INDEX logins_unique ON logins (unique_key) WHERE unique_key IS NOT NULL;
CREATE INDEX logins_created ON logins (created_at, id);
CREATE INDEX logins_studio ON logins (studio_id, created_at, id) WHERE studio_id IS NOT NULL;
CREATE INDEX logins_live ON logins (studio_id, created_at, id) WHERE studio_id IS NOT NULL AND state <> 'DELETED';
CREATE INDEX logins_parent ON logins (parent_id, created_at, id) WHERE parent_id IS NOT NULL;
CREATE INDEX logins_owner ON logins (owned_by, studio_id, created_at, id) WHERE owned_by IS NOT NULL;
CREATE INDEX logins_creator ON logins (created_by, studio_id, created_at, id) WHERE created_by IS NOT NULL;
CREATE INDEX logins_due ON logins (due_at) WHERE due_at IS NOT NULL;
CREATE INDEX logins_leased ON logins (lease_until) WHERE lease_until > 0;
CREATE UNIQUE INDEX settings_unique ON settings (unique_key) WHERE unique_key IS NOT NULL;
CREATE INDEX settings_created ON settings (created_at, id);
CREATE INDEX settings_studio ON settings (studio_id, created_at, id) WHERE studio_id IS NOT NULL;
CREATE INDEX settings_live ON settings (studio_id, created_at, id) WHERE studio_id IS NOT NULL AND state <> 'DELETED';
CREATE INDEX settings_parent ON settings (parent_id, created_at, id) WHERE parent_id IS NOT NULL;
CREATE INDEX settings_owner ON settings (owned_by, studio_id, created_at, id) WHERE owned_by IS NOT NULL;
CREATE INDEX settings_creator ON settings (created_by, studio_id, created_at, id) WHERE created_by IS NOT NULL;
CREATE INDEX settings_due ON settings (due_at) WHERE due_at IS NOT NULL;
CREATE INDEX settings_leased ON settings (lease_until) WHERE lease_until > 0;
CREATE UNIQUE INDEX eula_acceptances_unique ON eula_acceptances (unique_key) WHERE unique_key IS NOT NULL;
CREATE INDEX eula_acceptances_created ON eula_acceptances (created_at, id);
CREATE INDEX eula_acceptances_studio ON eula_acceptances (studio_id, created_at, id) WHERE studio_id IS NOT NULL;
CREATE INDEX eula_acceptances_live ON eula_acceptances (studio_id, created_at, id) WHERE studio_id IS NOT NULL AND state <> 'DELETED';
CREATE INDEX eula_acceptances_parent ON eula_acceptances (parent_id, created_at, id) WHERE parent_id IS NOT NULL;
CREATE INDEX eula_acceptances_owner ON eula_acceptances (owned_by, studio_id, created_at, id) WHERE owned_by IS NOT NULL;
CREATE INDEX eula_acceptances_creator ON eula_acceptances (created_by, studio_id, created_at, id) WHERE created_by IS NOT NULL;
CREATE INDEX eula_acceptances_due ON eula_acceptances (due_at) WHERE due_at IS NOT NULL;
CREATE INDEX eula_acceptances_leased ON eula_acceptances (lease_until) WHERE lease_until > 0;
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('goose_db_version',3);
COMMIT;
