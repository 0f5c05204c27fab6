# A studio's administration by the AWS CLI, in one of its parts: every operation
# and every waiter is used for what it is meant for.
# usage: sh aws.sh studio|catalogue|session
set -eu

n() { /usr/bin/aws --endpoint-url "$AWS_ENDPOINT_URL" nimble "$@"; }

# q QUERY COMMAND...: prints one member of the answer.
q() {
	query=$1
	shift
	n "$@" --query "$query" --output text
}

# is WANT QUERY COMMAND...: complains unless the member is as wanted.
is() {
	want=$1
	shift
	have=$(q "$@")
	[ "$have" = "$want" ] || { echo "$*: $have, want $want" >&2; exit 1; }
}

# refused ERROR COMMAND...: complains unless the call is refused so.
refused() {
	error=$1
	shift
	if said=$(n "$@" 2>&1); then echo "$*: was not refused" >&2; exit 1; fi
	case "$said" in *"$error"*) ;; *) echo "$*: $said, want $error" >&2; exit 1 ;; esac
}

role=arn:aws:iam::123456789012:role/studio
ada=$(echo "$BACKLOT_PRINCIPAL_IDS" | cut -d, -f2)
ben=$(echo "$BACKLOT_PRINCIPAL_IDS" | cut -d, -f3)

studio() {
	s=$(q studio.studioId create-studio --studio-name second --display-name Second --admin-role-arn $role --user-role-arn $role --tags show=dune)
	n wait studio-ready --studio-id "$s"
	is dune studio.tags.show get-studio --studio-id "$s"
	is "$s" "studios[?studioName=='second'].studioId" list-studios
	q studio.state update-studio --studio-id "$s" --display-name Third
	n wait studio-ready --studio-id "$s"
	is Third studio.displayName get-studio --studio-id "$s"
	refused ValidationException start-studio-sso-configuration-repair --studio-id "$s"

	n put-studio-members --studio-id "$s" --identity-store-id "$BACKLOT_IDENTITY_STORE_ID" --members "persona=ADMINISTRATOR,principalId=$ada"
	is ADMINISTRATOR member.persona get-studio-member --studio-id "$s" --principal-id "$ada"
	is "$ada" 'members[0].principalId' list-studio-members --studio-id "$s"
	n delete-studio-member --studio-id "$s" --principal-id "$ada"
	refused ResourceNotFoundException get-studio-member --studio-id "$s" --principal-id "$ada"

	arn=$(q studio.arn get-studio --studio-id "$s")
	n tag-resource --resource-arn "$arn" --tags season=1,show=foundation
	n untag-resource --resource-arn "$arn" --tag-keys season
	is foundation 'join(`,`, values(tags))' list-tags-for-resource --resource-arn "$arn"

	is painter 'eulas[0].eulaId' list-eulas --eula-ids painter
	is Painter eula.name get-eula --eula-id painter
	is 0 'length(eulaAcceptances)' list-eula-acceptances --studio-id "$s"
	is "$s" 'eulaAcceptances[0].accepteeId' accept-eulas --studio-id "$s" --eula-ids painter
	is painter 'eulaAcceptances[].eulaId' list-eula-acceptances --studio-id "$s"
	refused ResourceNotFoundException get-eula --eula-id nothing

	is DELETE_IN_PROGRESS studio.state delete-studio --studio-id "$s"
	n wait studio-deleted --studio-id "$s"
}

catalogue() {
	s=$BACKLOT_STUDIO_ID
	c=$(q studioComponent.studioComponentId create-studio-component --studio-id "$s" --name Projects --type SHARED_FILE_SYSTEM --subtype CUSTOM \
		--configuration 'sharedFileSystemConfiguration={endpoint=nas.example,linuxMountPoint=/projects}' \
		--script-parameters key=PROJECTS,value=/projects \
		--initialization-scripts 'launchProfileProtocolVersion=2021-03-31,platform=LINUX,runContext=USER_INITIALIZATION,script=true')
	i=$(q streamingImage.streamingImageId create-streaming-image --studio-id "$s" --name Second --ec2-image-id "$BACKLOT_EC2_IMAGE_ID")
	n wait studio-component-ready --studio-id "$s" --studio-component-id "$c"
	is /projects studioComponent.configuration.sharedFileSystemConfiguration.linuxMountPoint get-studio-component --studio-id "$s" --studio-component-id "$c"
	q studioComponent.state update-studio-component --studio-id "$s" --studio-component-id "$c" --description 'What everybody works on'
	n wait studio-component-ready --studio-id "$s" --studio-component-id "$c"
	is "$c" 'studioComponents[0].studioComponentId' list-studio-components --studio-id "$s" --types SHARED_FILE_SYSTEM --states READY
	n wait streaming-image-ready --studio-id "$s" --streaming-image-id "$i"
	q streamingImage.state update-streaming-image --studio-id "$s" --streaming-image-id "$i" --name Other
	n wait streaming-image-ready --studio-id "$s" --streaming-image-id "$i"
	is Other streamingImage.name get-streaming-image --studio-id "$s" --streaming-image-id "$i"
	is "$i" "streamingImages[?name=='Other'].streamingImageId" list-streaming-images --studio-id "$s"

	p=$(q launchProfile.launchProfileId create-launch-profile --studio-id "$s" --name Second --ec2-subnet-ids --launch-profile-protocol-versions 2021-03-31 \
		--studio-component-ids "$c" --stream-configuration "clipboardMode=ENABLED,ec2InstanceTypes=g4dn.xlarge,streamingImageIds=$i")
	n wait launch-profile-ready --studio-id "$s" --launch-profile-id "$p"
	q launchProfile.state update-launch-profile --studio-id "$s" --launch-profile-id "$p" --name Third
	n wait launch-profile-ready --studio-id "$s" --launch-profile-id "$p"
	is Third launchProfile.name get-launch-profile --studio-id "$s" --launch-profile-id "$p"
	is Projects 'studioComponentSummaries[0].name' get-launch-profile-details --studio-id "$s" --launch-profile-id "$p"
	is True 'contains(launchProfileInitialization.userInitializationScripts[0].script, `/projects`)' get-launch-profile-initialization --studio-id "$s" --launch-profile-id "$p" \
		--launch-profile-protocol-versions 2021-03-31 --launch-purpose WORKSTATION --platform LINUX
	n put-launch-profile-members --studio-id "$s" --launch-profile-id "$p" --identity-store-id "$BACKLOT_IDENTITY_STORE_ID" \
		--members "persona=USER,principalId=$ada" "persona=USER,principalId=$ben"
	is USER member.persona get-launch-profile-member --studio-id "$s" --launch-profile-id "$p" --principal-id "$ada"
	is USER member.persona update-launch-profile-member --studio-id "$s" --launch-profile-id "$p" --principal-id "$ada" --persona USER
	n delete-launch-profile-member --studio-id "$s" --launch-profile-id "$p" --principal-id "$ben"
	is "$ada" 'members[].principalId' list-launch-profile-members --studio-id "$s" --launch-profile-id "$p"
	is "$p" "launchProfiles[?name=='Third'].launchProfileId" list-launch-profiles --studio-id "$s" --principal-id "$ada" --states READY

	n delete-launch-profile --studio-id "$s" --launch-profile-id "$p" >/dev/null
	n wait launch-profile-deleted --studio-id "$s" --launch-profile-id "$p"
	n delete-streaming-image --studio-id "$s" --streaming-image-id "$i" >/dev/null
	n delete-studio-component --studio-id "$s" --studio-component-id "$c" >/dev/null
	n wait studio-component-deleted --studio-id "$s" --studio-component-id "$c"
	n wait streaming-image-deleted --studio-id "$s" --streaming-image-id "$i"
}

session() {
	s=$BACKLOT_STUDIO_ID
	k=$(q session.sessionId create-streaming-session --studio-id "$s" --launch-profile-id "$BACKLOT_LAUNCH_PROFILE_ID" \
		--owned-by "$BACKLOT_ARTIST_PRINCIPAL_ID" --ec2-instance-type g4dn.xlarge --tags shot=010)
	is "$k" 'sessions[].sessionId' list-streaming-sessions --studio-id "$s" --session-ids "$k"
	n wait streaming-session-ready --studio-id "$s" --session-id "$k"
	is 010 session.tags.shot get-streaming-session --studio-id "$s" --session-id "$k"
	v=$(q stream.streamId create-streaming-session-stream --studio-id "$s" --session-id "$k" --expiration-in-seconds 60)
	n wait streaming-session-stream-ready --studio-id "$s" --session-id "$k" --stream-id "$v"
	case "$(q stream.url get-streaming-session-stream --studio-id "$s" --session-id "$k" --stream-id "$v")" in
	http*) ;;
	*) echo "the stream has no url" >&2; exit 1 ;;
	esac
	n stop-streaming-session --studio-id "$s" --session-id "$k" --volume-retention-mode RETAIN >/dev/null
	b=$(q 'streamingSessionBackups[?sessionId==`'"$k"'`].backupId' list-streaming-session-backups --studio-id "$s" --owned-by "$BACKLOT_ARTIST_PRINCIPAL_ID")
	n wait streaming-session-stopped --studio-id "$s" --session-id "$k"
	is READY streamingSessionBackup.state get-streaming-session-backup --studio-id "$s" --backup-id "$b"
	is START_IN_PROGRESS session.state start-streaming-session --studio-id "$s" --session-id "$k" --backup-id "$b"
	until [ "$(q session.state get-streaming-session --studio-id "$s" --session-id "$k")" = READY ]; do :; done
	n delete-streaming-session --studio-id "$s" --session-id "$k" >/dev/null
	n wait streaming-session-deleted --studio-id "$s" --session-id "$k"
}

case "${1:-}" in
studio | catalogue | session) "$1" ;;
*) echo "usage: sh aws.sh studio|catalogue|session" >&2; exit 2 ;;
esac
