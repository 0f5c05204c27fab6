package studio

// The codes of errors: stable, machine-readable, and finer than the kind. What
// each means is in Codes.
const (
	CodeMissing        = "MISSING_MEMBER"
	CodeLength         = "LENGTH_OUT_OF_BOUNDS"
	CodeRange          = "VALUE_OUT_OF_RANGE"
	CodePattern        = "PATTERN_MISMATCH"
	CodeEnum           = "UNKNOWN_VALUE"
	CodeCombination    = "INVALID_COMBINATION"
	CodeTags           = "INVALID_TAGS"
	CodePageToken      = "INVALID_NEXT_TOKEN"
	CodeClientToken    = "CLIENT_TOKEN_REUSED" //nolint:gosec // no credential
	CodeNotOffered     = "NOT_OFFERED"
	CodeReference      = "INVALID_REFERENCE"
	CodeEula           = "EULA_NOT_ACCEPTED"
	CodeARN            = "INVALID_ARN"
	CodeHealthy        = "NOTHING_TO_REPAIR"
	CodeUser           = "UNKNOWN_USER"
	CodeStop           = "SESSION_NOT_STOPPABLE"
	CodeNoBackup       = "SESSION_WITHOUT_BACKUPS"
	CodeNotAllowed     = "NOT_ALLOWED"
	CodeProvided       = "PROVIDED_RESOURCE"
	CodeNotFound       = "NOT_FOUND"
	CodeState          = "WRONG_STATE"
	CodeInUse          = "IN_USE"
	CodeTaken          = "NAME_TAKEN"
	CodeNothingToStart = "NOTHING_TO_START_FROM"
	CodeNothingToSave  = "NOTHING_TO_BACK_UP"
	CodeBackingUp      = "BACKUP_IN_PROGRESS"
	CodeNoVolumes      = "NO_VOLUMES_HERE"
	CodeArchive        = "INVALID_ARCHIVE"
	CodeRoom           = "NO_ROOM_ON_DISK"
	CodeQuota          = "QUOTA_EXCEEDED"
	CodeInternal       = "INTERNAL_ERROR"
)

// Code is all that is stable of the errors of one sort.
type Code struct {
	Name  string
	Kind  ErrorKind
	Means string
	// Context are the keys that the context of such an error has.
	Context []string
}

// Codes are the codes of all errors that are made here, for docs/errors.md.
func Codes() []Code {
	return []Code{
		{CodeMissing, Validation, "A required member is not there.", []string{"member"}},
		{CodeLength, Validation, "A string or list is too short or too long.", []string{"member"}},
		{CodeRange, Validation, "An integer is too small or too large.", []string{"member"}},
		{CodePattern, Validation, "A string does not have the form it must have.", []string{"member"}},
		{CodeEnum, Validation, "A string is none of those it may be.", []string{"member"}},
		{CodeCombination, Validation, "Members that are right by themselves do not go together.", nil},
		{CodeTags, Validation, "Tags break the limits of number, length or prefix.", []string{"member"}},
		{CodePageToken, Validation, "The nextToken is none that this list gave out.", []string{"member"}},
		{CodeClientToken, Validation, "A client token was used before with other parameters.", []string{"member"}},
		{CodeNotOffered, Validation, "The launch profile does not offer that instance type or image.", []string{"member"}},
		{CodeReference, Validation, "A thing named in the request does not exist, or cannot be used.", []string{"member", "resourceId"}},
		{CodeEula, Validation, "A licence that the streaming image asks for is not accepted for the studio.", []string{"eulaIds"}},
		{CodeARN, Validation, "An ARN does not name a resource that can have tags.", []string{"member"}},
		{CodeHealthy, Validation, "There is nothing to repair.", []string{"resourceId"}},
		{CodeUser, Validation, "A principal is no user of the identity store.", []string{"member"}},
		{CodeStop, Validation, "Sessions of this launch profile cannot be stopped, only deleted.", []string{"resourceId"}},
		{CodeNoBackup, Validation, "The volume may not be deleted, as no backup would hold its content.", []string{"resourceId", "member"}},
		{CodeNotAllowed, AccessDenied, "The caller may not do this.", nil},
		{CodeProvided, AccessDenied, "A thing that comes with the installation cannot be changed.", []string{"resourceId"}},
		{CodeNotFound, NotFound, "There is nothing of that id.", []string{"resourceId"}},
		{CodeState, Conflict, "The state of the resource forbids the action.", []string{"resourceId", "state"}},
		{CodeInUse, Conflict, "Something else uses the resource.", []string{"resourceId", "usedBy"}},
		{CodeTaken, Conflict, "The name is another's.", []string{"member"}},
		{CodeNothingToStart, Conflict, "A session has neither a volume nor a READY backup; no operation leads there, but an older copy of the store may.", []string{"resourceId", "state"}},
		{CodeNothingToSave, Conflict, "A session has no volume that could be backed up.", []string{"resourceId", "state"}},
		{CodeBackingUp, Conflict, "Another backup of the session is being made.", []string{"resourceId", "backupId"}},
		{CodeNoVolumes, Conflict, "The server that was asked does not have the volumes.", nil},
		{CodeArchive, Validation, "What was sent is not a whole archive of a backup.", nil},
		{CodeRoom, QuotaExceeded, "The disk of the volumes, or the volume, has no room for this.", nil},
		{CodeQuota, QuotaExceeded, "A quota is used up.", []string{"quota", "value"}},
		{CodeInternal, Internal, "Something went wrong on the server.", nil},
	}
}
