package studio

// The codes of errors: stable, machine-readable, and finer than the kind.
const (
	// CodeMissing: a required member is not there.
	CodeMissing = "MISSING_MEMBER"
	// CodeLength: a string or list is too short or too long.
	CodeLength = "LENGTH_OUT_OF_BOUNDS"
	// CodeRange: an integer is too small or too large.
	CodeRange = "VALUE_OUT_OF_RANGE"
	// CodePattern: a string does not have the form it must have.
	CodePattern = "PATTERN_MISMATCH"
	// CodeEnum: a string is none of those it may be.
	CodeEnum = "UNKNOWN_VALUE"
	// CodeCombination: members that are right by themselves do not go together.
	CodeCombination = "INVALID_COMBINATION"
	// CodeTags: tags break the limits of number, length or prefix.
	CodeTags = "INVALID_TAGS"
	// CodePageToken: nextToken is none that this list gave out.
	CodePageToken = "INVALID_NEXT_TOKEN"
	// CodeClientToken: a client token was used before with other parameters.
	CodeClientToken = "CLIENT_TOKEN_REUSED" //nolint:gosec // no credential
	// CodeNotOffered: the launch profile does not offer that instance type or image.
	CodeNotOffered = "NOT_OFFERED"
	// CodeReference: a thing named in the request does not exist, or cannot be used.
	CodeReference = "INVALID_REFERENCE"
	// CodeEula: a licence that the streaming image asks for is not accepted for the studio.
	CodeEula = "EULA_NOT_ACCEPTED"
	// CodeARN: an ARN does not name a resource that can have tags.
	CodeARN = "INVALID_ARN"
	// CodeHealthy: there is nothing to repair.
	CodeHealthy = "NOTHING_TO_REPAIR"
	// CodeUser: a principal is no user of the identity store.
	CodeUser = "UNKNOWN_USER"
	// CodeStop: sessions of this launch profile cannot be stopped, only deleted.
	CodeStop = "SESSION_NOT_STOPPABLE"
	// CodeNoBackup: the volume may not be deleted, as no backup would hold its content.
	CodeNoBackup = "SESSION_WITHOUT_BACKUPS"
	// CodeNotAllowed: the caller may not do this.
	CodeNotAllowed = "NOT_ALLOWED"
	// CodeProvided: a thing that comes with the installation cannot be changed.
	CodeProvided = "PROVIDED_RESOURCE"
	// CodeNotFound: there is nothing of that id.
	CodeNotFound = "NOT_FOUND"
	// CodeState: the state of the resource forbids the action.
	CodeState = "WRONG_STATE"
	// CodeInUse: something else uses the resource.
	CodeInUse = "IN_USE"
	// CodeTaken: the name is another's.
	CodeTaken = "NAME_TAKEN"
	// CodeNothingToStart: a session has neither a volume nor a READY backup.
	CodeNothingToStart = "NOTHING_TO_START_FROM"
	// CodeQuota: a quota is used up.
	CodeQuota = "QUOTA_EXCEEDED"
	// CodeInternal: something went wrong on the server.
	CodeInternal = "INTERNAL_ERROR"
)
