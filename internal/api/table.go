package api

import (
	"net/http"

	"github.com/backlot/backlot/internal/studio"
)

// table lists the operations of the API, all that the service model has. What
// else there is to know of one (codec, rules, paging, client model) follows from
// the tags of its request and response.
func table() []operation {
	return []operation{
		// Studios.
		op(http.MethodPost, "/studios", 200, plain, (*studio.Service).CreateStudio),
		op(http.MethodGet, "/studios/{studioId}", 200, plain, (*studio.Service).GetStudio),
		op(http.MethodGet, "/studios", 200, plain, (*studio.Service).ListStudios),
		op(http.MethodPatch, "/studios/{studioId}", 200, plain, (*studio.Service).UpdateStudio),
		op(http.MethodPut, "/studios/{studioId}/sso-configuration", 200, idempotent, (*studio.Service).StartStudioSSOConfigurationRepair),
		op(http.MethodDelete, "/studios/{studioId}", 200, idempotent, (*studio.Service).DeleteStudio),
		// Studio members.
		op(http.MethodGet, "/studios/{studioId}/membership/{principalId}", 200, plain, (*studio.Service).GetStudioMember),
		op(http.MethodGet, "/studios/{studioId}/membership", 200, plain, (*studio.Service).ListStudioMembers),
		op(http.MethodPost, "/studios/{studioId}/membership", 200, plain, (*studio.Service).PutStudioMembers),
		op(http.MethodDelete, "/studios/{studioId}/membership/{principalId}", 200, idempotent, (*studio.Service).DeleteStudioMember),
		// Studio components.
		op(http.MethodPost, "/studios/{studioId}/studio-components", 200, plain, (*studio.Service).CreateStudioComponent),
		op(http.MethodGet, "/studios/{studioId}/studio-components/{studioComponentId}", 200, plain, (*studio.Service).GetStudioComponent),
		op(http.MethodGet, "/studios/{studioId}/studio-components", 200, plain, (*studio.Service).ListStudioComponents),
		op(http.MethodPatch, "/studios/{studioId}/studio-components/{studioComponentId}", 200, plain, (*studio.Service).UpdateStudioComponent),
		op(http.MethodDelete, "/studios/{studioId}/studio-components/{studioComponentId}", 200, idempotent, (*studio.Service).DeleteStudioComponent),
		// Streaming images.
		op(http.MethodPost, "/studios/{studioId}/streaming-images", 200, plain, (*studio.Service).CreateStreamingImage),
		op(http.MethodGet, "/studios/{studioId}/streaming-images/{streamingImageId}", 200, plain, (*studio.Service).GetStreamingImage),
		op(http.MethodGet, "/studios/{studioId}/streaming-images", 200, plain, (*studio.Service).ListStreamingImages),
		op(http.MethodPatch, "/studios/{studioId}/streaming-images/{streamingImageId}", 200, plain, (*studio.Service).UpdateStreamingImage),
		op(http.MethodDelete, "/studios/{studioId}/streaming-images/{streamingImageId}", 200, idempotent, (*studio.Service).DeleteStreamingImage),
		// Launch profiles.
		op(http.MethodPost, "/studios/{studioId}/launch-profiles", 200, plain, (*studio.Service).CreateLaunchProfile),
		op(http.MethodGet, "/studios/{studioId}/launch-profiles/{launchProfileId}", 200, plain, (*studio.Service).GetLaunchProfile),
		op(http.MethodGet, "/studios/{studioId}/launch-profiles/{launchProfileId}/details", 200, plain, (*studio.Service).GetLaunchProfileDetails),
		op(http.MethodGet, "/studios/{studioId}/launch-profiles/{launchProfileId}/init", 200, plain, (*studio.Service).GetLaunchProfileInitialization),
		op(http.MethodGet, "/studios/{studioId}/launch-profiles", 200, plain, (*studio.Service).ListLaunchProfiles),
		op(http.MethodPatch, "/studios/{studioId}/launch-profiles/{launchProfileId}", 200, plain, (*studio.Service).UpdateLaunchProfile),
		op(http.MethodDelete, "/studios/{studioId}/launch-profiles/{launchProfileId}", 200, idempotent, (*studio.Service).DeleteLaunchProfile),
		// Launch profile members.
		op(http.MethodGet, "/studios/{studioId}/launch-profiles/{launchProfileId}/membership/{principalId}", 200, plain, (*studio.Service).GetLaunchProfileMember),
		op(http.MethodGet, "/studios/{studioId}/launch-profiles/{launchProfileId}/membership", 200, plain, (*studio.Service).ListLaunchProfileMembers),
		op(http.MethodPatch, "/studios/{studioId}/launch-profiles/{launchProfileId}/membership/{principalId}", 200, plain, (*studio.Service).UpdateLaunchProfileMember),
		op(http.MethodPost, "/studios/{studioId}/launch-profiles/{launchProfileId}/membership", 200, plain, (*studio.Service).PutLaunchProfileMembers),
		op(http.MethodDelete, "/studios/{studioId}/launch-profiles/{launchProfileId}/membership/{principalId}", 200, idempotent, (*studio.Service).DeleteLaunchProfileMember),
		// Streaming sessions.
		op(http.MethodPost, "/studios/{studioId}/streaming-sessions", 200, plain, (*studio.Service).CreateStreamingSession),
		op(http.MethodGet, "/studios/{studioId}/streaming-sessions/{sessionId}", 200, plain, (*studio.Service).GetStreamingSession),
		op(http.MethodGet, "/studios/{studioId}/streaming-sessions", 200, plain, (*studio.Service).ListStreamingSessions),
		op(http.MethodPost, "/studios/{studioId}/streaming-sessions/{sessionId}/start", 200, idempotent, (*studio.Service).StartStreamingSession),
		op(http.MethodPost, "/studios/{studioId}/streaming-sessions/{sessionId}/stop", 200, idempotent, (*studio.Service).StopStreamingSession),
		op(http.MethodDelete, "/studios/{studioId}/streaming-sessions/{sessionId}", 200, idempotent, (*studio.Service).DeleteStreamingSession),
		op(http.MethodPost, "/studios/{studioId}/streaming-sessions/{sessionId}/streams", 200, idempotent, (*studio.Service).CreateStreamingSessionStream),
		op(http.MethodGet, "/studios/{studioId}/streaming-sessions/{sessionId}/streams/{streamId}", 200, plain, (*studio.Service).GetStreamingSessionStream),
		// Backups.
		op(http.MethodGet, "/studios/{studioId}/streaming-session-backups/{backupId}", 200, noQuota, (*studio.Service).GetStreamingSessionBackup),
		op(http.MethodGet, "/studios/{studioId}/streaming-session-backups", 200, noQuota, (*studio.Service).ListStreamingSessionBackups),
		// EULAs.
		op(http.MethodGet, "/eulas/{eulaId}", 200, plain, (*studio.Service).GetEula),
		op(http.MethodGet, "/studios/{studioId}/eula-acceptances", 200, plain, (*studio.Service).ListEulaAcceptances),
		op(http.MethodGet, "/eulas", 200, plain, (*studio.Service).ListEulas),
		op(http.MethodPost, "/studios/{studioId}/eula-acceptances", 200, plain, (*studio.Service).AcceptEulas),
		// Tags.
		op(http.MethodGet, "/tags/{resourceArn}", 200, plain, (*studio.Service).ListTagsForResource),
		op(http.MethodPost, "/tags/{resourceArn}", 204, plain, (*studio.Service).TagResource),
		op(http.MethodDelete, "/tags/{resourceArn}", 204, idempotent, (*studio.Service).UntagResource),
	}
}
