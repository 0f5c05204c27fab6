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
		pending[studio.UpdateStudioRequest, studio.UpdateStudioResponse](http.MethodPatch, "/studios/{studioId}", 200, plain),
		pending[studio.StartStudioSSOConfigurationRepairRequest, studio.StartStudioSSOConfigurationRepairResponse](http.MethodPut, "/studios/{studioId}/sso-configuration", 200, idempotent),
		pending[studio.DeleteStudioRequest, studio.DeleteStudioResponse](http.MethodDelete, "/studios/{studioId}", 200, idempotent),
		// Studio members.
		pending[studio.GetStudioMemberRequest, studio.GetStudioMemberResponse](http.MethodGet, "/studios/{studioId}/membership/{principalId}", 200, plain),
		pending[studio.ListStudioMembersRequest, studio.ListStudioMembersResponse](http.MethodGet, "/studios/{studioId}/membership", 200, plain),
		op(http.MethodPost, "/studios/{studioId}/membership", 200, plain, (*studio.Service).PutStudioMembers),
		pending[studio.DeleteStudioMemberRequest, studio.DeleteStudioMemberResponse](http.MethodDelete, "/studios/{studioId}/membership/{principalId}", 200, idempotent),
		// Studio components.
		op(http.MethodPost, "/studios/{studioId}/studio-components", 200, plain, (*studio.Service).CreateStudioComponent),
		op(http.MethodGet, "/studios/{studioId}/studio-components/{studioComponentId}", 200, plain, (*studio.Service).GetStudioComponent),
		op(http.MethodGet, "/studios/{studioId}/studio-components", 200, plain, (*studio.Service).ListStudioComponents),
		pending[studio.UpdateStudioComponentRequest, studio.UpdateStudioComponentResponse](http.MethodPatch, "/studios/{studioId}/studio-components/{studioComponentId}", 200, plain),
		pending[studio.DeleteStudioComponentRequest, studio.DeleteStudioComponentResponse](http.MethodDelete, "/studios/{studioId}/studio-components/{studioComponentId}", 200, idempotent),
		// Streaming images.
		op(http.MethodPost, "/studios/{studioId}/streaming-images", 200, plain, (*studio.Service).CreateStreamingImage),
		op(http.MethodGet, "/studios/{studioId}/streaming-images/{streamingImageId}", 200, plain, (*studio.Service).GetStreamingImage),
		op(http.MethodGet, "/studios/{studioId}/streaming-images", 200, plain, (*studio.Service).ListStreamingImages),
		pending[studio.UpdateStreamingImageRequest, studio.UpdateStreamingImageResponse](http.MethodPatch, "/studios/{studioId}/streaming-images/{streamingImageId}", 200, plain),
		pending[studio.DeleteStreamingImageRequest, studio.DeleteStreamingImageResponse](http.MethodDelete, "/studios/{studioId}/streaming-images/{streamingImageId}", 200, idempotent),
		// Launch profiles.
		op(http.MethodPost, "/studios/{studioId}/launch-profiles", 200, plain, (*studio.Service).CreateLaunchProfile),
		op(http.MethodGet, "/studios/{studioId}/launch-profiles/{launchProfileId}", 200, plain, (*studio.Service).GetLaunchProfile),
		pending[studio.GetLaunchProfileDetailsRequest, studio.GetLaunchProfileDetailsResponse](http.MethodGet, "/studios/{studioId}/launch-profiles/{launchProfileId}/details", 200, plain),
		pending[studio.GetLaunchProfileInitializationRequest, studio.GetLaunchProfileInitializationResponse](http.MethodGet, "/studios/{studioId}/launch-profiles/{launchProfileId}/init", 200, plain),
		op(http.MethodGet, "/studios/{studioId}/launch-profiles", 200, plain, (*studio.Service).ListLaunchProfiles),
		pending[studio.UpdateLaunchProfileRequest, studio.UpdateLaunchProfileResponse](http.MethodPatch, "/studios/{studioId}/launch-profiles/{launchProfileId}", 200, plain),
		pending[studio.DeleteLaunchProfileRequest, studio.DeleteLaunchProfileResponse](http.MethodDelete, "/studios/{studioId}/launch-profiles/{launchProfileId}", 200, idempotent),
		// Launch profile members.
		pending[studio.GetLaunchProfileMemberRequest, studio.GetLaunchProfileMemberResponse](http.MethodGet, "/studios/{studioId}/launch-profiles/{launchProfileId}/membership/{principalId}", 200, plain),
		pending[studio.ListLaunchProfileMembersRequest, studio.ListLaunchProfileMembersResponse](http.MethodGet, "/studios/{studioId}/launch-profiles/{launchProfileId}/membership", 200, plain),
		pending[studio.UpdateLaunchProfileMemberRequest, studio.UpdateLaunchProfileMemberResponse](http.MethodPatch, "/studios/{studioId}/launch-profiles/{launchProfileId}/membership/{principalId}", 200, plain),
		op(http.MethodPost, "/studios/{studioId}/launch-profiles/{launchProfileId}/membership", 200, plain, (*studio.Service).PutLaunchProfileMembers),
		pending[studio.DeleteLaunchProfileMemberRequest, studio.DeleteLaunchProfileMemberResponse](http.MethodDelete, "/studios/{studioId}/launch-profiles/{launchProfileId}/membership/{principalId}", 200, idempotent),
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
		pending[studio.GetEulaRequest, studio.GetEulaResponse](http.MethodGet, "/eulas/{eulaId}", 200, plain),
		pending[studio.ListEulaAcceptancesRequest, studio.ListEulaAcceptancesResponse](http.MethodGet, "/studios/{studioId}/eula-acceptances", 200, plain),
		pending[studio.ListEulasRequest, studio.ListEulasResponse](http.MethodGet, "/eulas", 200, plain),
		pending[studio.AcceptEulasRequest, studio.AcceptEulasResponse](http.MethodPost, "/studios/{studioId}/eula-acceptances", 200, plain),
		// Tags.
		pending[studio.ListTagsForResourceRequest, studio.ListTagsForResourceResponse](http.MethodGet, "/tags/{resourceArn}", 200, plain),
		pending[studio.TagResourceRequest, studio.TagResourceResponse](http.MethodPost, "/tags/{resourceArn}", 204, plain),
		pending[studio.UntagResourceRequest, studio.UntagResourceResponse](http.MethodDelete, "/tags/{resourceArn}", 204, idempotent),
	}
}
