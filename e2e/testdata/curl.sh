# The API by curl alone, which signs by itself.
set -eu
base=$AWS_ENDPOINT_URL/2020-08-01
studio=$base/studios/$(echo "$BACKLOT_STUDIO_ID" | sed s/:/%3A/)

c() {
	curl -sS --fail-with-body --aws-sigv4 "aws:amz:$AWS_REGION:nimble" --user "$AWS_ACCESS_KEY_ID:$AWS_SECRET_ACCESS_KEY" \
		-H 'Content-Type: application/json' "$@"
}

# has TEXT CURL...: complains unless the answer holds the text.
has() {
	text=$1
	shift
	answer=$(c "$@") || true
	case "$answer" in *"$text"*) ;; *) echo "$*: $answer, want $text" >&2; exit 1 ;; esac
}

has '"state":"READY"' "$studio"
has '"studioComponents":[' "$studio/studio-components?maxResults=1"
arn=$(c "$studio" | sed 's/.*"arn":"\([^"]*\)".*/\1/;s/:/%3A/g;s,/,%2F,g')
c -X POST --data '{"tags":{"by":"curl"}}' "$base/tags/$arn"
has '"by":"curl"' "$base/tags/$arn"
has '"persona":"USER"' -X PATCH --data '{"persona":"USER"}' "$studio/launch-profiles/$BACKLOT_LAUNCH_PROFILE_ID/membership/$BACKLOT_ARTIST_PRINCIPAL_ID"
has 'ResourceNotFoundException' "$studio/streaming-images/nothing"
has 'InvalidSignatureException' --user "$AWS_ACCESS_KEY_ID:wrong" "$studio"
