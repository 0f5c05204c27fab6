package api

import "strings"

// group is the operations on one kind of thing, as the reference tells of them.
type group struct {
	title      string
	about      string
	operations []described
}

// described is an operation and one sentence on what it does.
type described struct{ name, does string }

// slug is the group's name in paths.
func (g group) slug() string { return strings.ReplaceAll(strings.ToLower(g.title), " ", "-") }

// groups tells in our own words what every operation does.
func groups() []group {
	return []group{
		{"Studios", "A studio holds everything else: components, images, launch profiles, sessions and who may use them.", []described{
			{"CreateStudio", "Makes a studio; its name becomes part of the address of its page and cannot be changed."},
			{"GetStudio", "Shows a studio, a deleted one for another day."},
			{"ListStudios", "Lists the studios, deleted ones for another day."},
			{"UpdateStudio", "Changes the display name or the roles of a studio."},
			{"StartStudioSSOConfigurationRepair", "Joins a studio to the identity store again where the connection is broken; a healthy one is refused."},
			{"DeleteStudio", "Deletes a studio that holds no launch profiles, components or own images any more."},
		}},
		{"Studio members", "Members of a studio are users of the identity store who administer it.", []described{
			{"PutStudioMembers", "Makes up to 20 users administrators of a studio, or changes what they are."},
			{"GetStudioMember", "Shows one member of a studio."},
			{"ListStudioMembers", "Lists the members of a studio."},
			{"DeleteStudioMember", "Takes a user's membership of a studio away."},
		}},
		{"Studio components", "A component is something that desktops use: a file system, a licence server, a render farm, a directory, or scripts of the studio's own.", []described{
			{"CreateStudioComponent", "Makes a component with its configuration, scripts and script parameters."},
			{"GetStudioComponent", "Shows a component."},
			{"ListStudioComponents", "Lists the components of a studio, all or those of some types and states."},
			{"UpdateStudioComponent", "Changes a component; sessions that are launched afterwards have the new content."},
			{"DeleteStudioComponent", "Deletes a component that no launch profile uses."},
		}},
		{"Streaming images", "A streaming image is a machine image that sessions of the studio can be launched from.", []described{
			{"CreateStreamingImage", "Registers a machine image of the installation with a studio."},
			{"GetStreamingImage", "Shows a streaming image."},
			{"ListStreamingImages", "Lists the streaming images of a studio: its own and those that come with the installation."},
			{"UpdateStreamingImage", "Changes the name or the description of a studio's own streaming image."},
			{"DeleteStreamingImage", "Takes a studio's own streaming image out; the machine image stays."},
		}},
		{"Launch profiles", "A launch profile says what an artist gets: images, instance types, components, how long sessions last and what is kept of them.", []described{
			{"CreateLaunchProfile", "Makes a launch profile and starts to validate it."},
			{"GetLaunchProfile", "Shows a launch profile and the results of its validation."},
			{"GetLaunchProfileDetails", "Shows a launch profile together with summaries of its components and its images."},
			{"GetLaunchProfileInitialization", "Shows what a desktop of a platform does at its start: scripts with their parameters merged, directories to join."},
			{"ListLaunchProfiles", "Lists the launch profiles of a studio that the caller may see."},
			{"UpdateLaunchProfile", "Changes a launch profile; running sessions keep what they were launched with."},
			{"DeleteLaunchProfile", "Deletes a launch profile that has no sessions."},
		}},
		{"Launch profile members", "Members of a launch profile are the artists who may launch sessions from it.", []described{
			{"PutLaunchProfileMembers", "Lets up to 20 users launch sessions from a profile."},
			{"GetLaunchProfileMember", "Shows one member of a launch profile."},
			{"ListLaunchProfileMembers", "Lists the members of a launch profile."},
			{"UpdateLaunchProfileMember", "Changes the persona of a member."},
			{"DeleteLaunchProfileMember", "Takes a user's membership of a launch profile away; the user's sessions stay."},
		}},
		{"Streaming sessions", "A streaming session is an artist's desktop; a stream is one way into it, for a browser.", []described{
			{"CreateStreamingSession", "Launches a desktop from a launch profile; it becomes READY when it can be streamed."},
			{"GetStreamingSession", "Shows a session: state, owner, when it will stop or end by itself."},
			{"ListStreamingSessions", "Lists the sessions of a studio, all or those of an owner, a creator, or some ids."},
			{"StartStreamingSession", "Starts a stopped session again, from its volume or from a backup."},
			{"StopStreamingSession", "Stops a session, keeping its volume unless told otherwise."},
			{"DeleteStreamingSession", "Ends a session for good; its volume goes, and its backups go with it."},
			{"CreateStreamingSessionStream", "Opens a stream to a READY session."},
			{"GetStreamingSessionStream", "Shows a stream; once it is READY, its url opens the desktop in a browser until it expires."},
		}},
		{"Backups", "A backup is the content of a session's volume at one moment.", []described{
			{"GetStreamingSessionBackup", "Shows a backup."},
			{"ListStreamingSessionBackups", "Lists the backups of sessions in a studio, newest first, all or those of one owner."},
		}},
		{"Backlot backups", "What Nimble Studio never had: backups when they are wanted, looked into, checked, taken elsewhere and brought back. " +
			"Signed like everything else, for the same service; no AWS client knows these operations, `backlot backup` does. " +
			"They show of a backup, besides what GetStreamingSessionBackup does, why it was made (origin), what it came to when it was read for the first time (checksum), " +
			"and what reading it again has shown (verification).", []described{
			{"CreateBackup", "Begins a backup of a session that is READY, or STOPPED with its volume. It counts among those that are retained, and bears the session's tags besides its own."},
			{"ListBackups", "Lists the backups of a session, newest first."},
			{"GetBackup", "Shows a backup with its checksum and verification."},
			{"DeleteBackup", "Deletes a backup that no session is being started or restored from."},
			{"VerifyBackup", "Has a backup read again in the background and compared with what it was when it was made; verification tells the result."},
			{"RestoreBackup", "Launches a new session whose volume begins as the backup, from the backup's launch profile unless told otherwise. Quotas, licences and rights are those of CreateStreamingSession."},
			{"ListBackupFiles", "Lists a directory of a backup by name; without a path, the top. Files of the machine image that nobody changed are no part of it."},
			{"GetBackupFile", "Answers one regular file of a backup, or the part that a Range header asks for. Symbolic links are followed within the backup."},
			{"ExportBackup", "Answers a backup as an archive: a tar compressed by zstd, with checksums. An answer that breaks off is no archive."},
			{"ImportBackup", "Makes a backup of a session from an archive, and answers when it is READY; listed in CREATE_IN_PROGRESS before. " +
				"The header x-amz-content-sha256 must be sent: the hash of the archive or UNSIGNED-PAYLOAD. Only administrators may. A plain start never takes an imported backup while there is another."},
		}},
		{"Shared sessions", "A session that is READY can be shown to others of its studio: by a link, for who is signed in. " +
			"Its owner sees in the stream's page who is there. The link is worth nothing any more when the sharing or the session has ended.", []described{
			{"PutSessionShare", "Shares a session, or changes what guests may do: WATCH, or CONTROL with keyboard and pointer. The link stays the same."},
			{"GetSessionShare", "Shows the link of a session that is shared, and what guests may do."},
			{"DeleteSessionShare", "Ends the sharing of a session, and the streams of those who came by its link."},
		}},
		{"Lost and found", "Volumes and snapshots on the machine that no session and no backup has, as an older copy of the store may leave them. " +
			"They are kept, as they may hold somebody's work, until an account administrator adopts or deletes them; `backlot doctor` calls these operations.", []described{
			{"ListLost", "Lists what is lost, by id, with what it takes of the disk, when anything in it was changed last, and the session that it was of, where that is still known."},
			{"AdoptLost", "Launches a new session from a launch profile with what is lost: a volume becomes the session's own, a snapshot becomes a backup of it that the session begins as. " +
				"What was adopted is not lost any more; adopting it again is refused. If the session never becomes READY, it is lost again once that is deleted."},
			{"DeleteLost", "Deletes what is lost for good. What a session or a backup has is not lost, and never deleted by this."},
		}},
		{"EULAs", "A EULA is a licence that must be accepted for a studio before an image that asks for it can be used.", []described{
			{"GetEula", "Shows a licence with its whole text."},
			{"ListEulas", "Lists the licences of the installation, all or some by id."},
			{"AcceptEulas", "Accepts licences for a studio; accepting again changes nothing."},
			{"ListEulaAcceptances", "Lists which licences were accepted for a studio, when and by whom."},
		}},
		{"Tags", "Tags are names with values that studios, components, images, launch profiles, sessions and backups bear.", []described{
			{"ListTagsForResource", "Shows the tags of the resource that has an ARN."},
			{"TagResource", "Sets tags of a resource; those it has under other names stay."},
			{"UntagResource", "Takes the named tags off a resource; names it does not bear change nothing."},
		}},
	}
}
