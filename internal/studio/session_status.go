package studio

// Values of modes, in the spelling of the API.
const (
	activated   = "ACTIVATED"
	deactivated = "DEACTIVATED"
	automatic   = "AUTOMATIC"
	retain      = "RETAIN"
	deleteMode  = "DELETE"
)

// The status codes of sessions that say why something failed.
const (
	InsufficientCapacity StatusCode = "INSUFFICIENT_CAPACITY"
	ImageInvalid         StatusCode = "AMI_VALIDATION_ERROR"
	ScriptFailed         StatusCode = "INITIALIZATION_SCRIPT_ERROR"
	InternalFailure      StatusCode = "INTERNAL_ERROR"
)

const sessionStarted StatusCode = "STREAMING_SESSION_STARTED"

// sessionCodes are the status codes of a session in each state; failures have
// their own.
var sessionCodes = map[State]StatusCode{
	CreateInProgress: "STREAMING_SESSION_CREATE_IN_PROGRESS",
	Ready:            "STREAMING_SESSION_READY",
	StopInProgress:   "STREAMING_SESSION_STOP_IN_PROGRESS",
	Stopped:          "STREAMING_SESSION_STOPPED",
	StartInProgress:  "STREAMING_SESSION_START_IN_PROGRESS",
	DeleteInProgress: "STREAMING_SESSION_DELETE_IN_PROGRESS",
	Deleted:          "STREAMING_SESSION_DELETED",
	CreateFailed:     InternalFailure,
	StopFailed:       InternalFailure,
	StartFailed:      InternalFailure,
	DeleteFailed:     InternalFailure,
}

// sessionSays are the sentences that go with a session's status codes.
var sessionSays = map[StatusCode]string{
	"STREAMING_SESSION_CREATE_IN_PROGRESS": "The workstation is being made.",
	"STREAMING_SESSION_READY":              "The workstation is ready.",
	"STREAMING_SESSION_STARTED":            "The workstation has started and is ready.",
	"STREAMING_SESSION_STOP_IN_PROGRESS":   "The workstation is being stopped.",
	"STREAMING_SESSION_STOPPED":            "The workstation is stopped.",
	"STREAMING_SESSION_START_IN_PROGRESS":  "The workstation is being started.",
	"STREAMING_SESSION_DELETE_IN_PROGRESS": "The session is being deleted.",
	"STREAMING_SESSION_DELETED":            "The session is deleted.",
	InsufficientCapacity:                   "There is no room for the workstation; stop another session and try again.",
	ImageInvalid:                           "The machine image cannot be used.",
	ScriptFailed:                           "A system initialization script failed.",
	InternalFailure:                        "Something went wrong on the server.",
}

// Failure says why an action came to nothing.
type Failure struct {
	// Code is the status code the noun ends with if the failure is final.
	Code StatusCode
	// Message is a plain sentence for the session's owner; empty: the code's own.
	Message string
	// Final failures are not tried again.
	Final bool
	// Err is the cause, for the log only.
	Err error
}
