package studio

// State is where a noun is in its life, in the spelling of the API.
type State string

// The states; which of them a noun can have is in its own file.
const (
	CreateInProgress State = "CREATE_IN_PROGRESS"
	Ready            State = "READY"
	UpdateInProgress State = "UPDATE_IN_PROGRESS"
	DeleteInProgress State = "DELETE_IN_PROGRESS"
	Deleted          State = "DELETED"
	CreateFailed     State = "CREATE_FAILED"
	UpdateFailed     State = "UPDATE_FAILED"
	DeleteFailed     State = "DELETE_FAILED"
	StopInProgress   State = "STOP_IN_PROGRESS"
	Stopped          State = "STOPPED"
	StopFailed       State = "STOP_FAILED"
	StartInProgress  State = "START_IN_PROGRESS"
	StartFailed      State = "START_FAILED"
)

// StatusCode tells why a noun is in its state, in the spelling of the API.
type StatusCode string
