package studio

import (
	"fmt"
	"slices"
	"strings"
)

// event is what moves a noun from one state to another.
type event string

const (
	eventMade    event = "made"
	eventReady   event = "desktop ready"
	eventStop    event = "stop"
	eventStopped event = "stopped"
	eventStart   event = "start"
	eventUpdate  event = "update"
	eventDelete  event = "delete"
	eventExpire  event = "expire, or its session leaves READY"
	eventDeleted event = "deleted"
	eventFailed  event = "failed"
)

// move is one edge of a state machine.
type move struct {
	from State
	on   event
	to   State
}

// machine is the life of one kind of noun, as data. It begins in
// CREATE_IN_PROGRESS and ends in DELETED.
type machine struct {
	noun string
	says map[State]string
	// never tells why the noun is never seen in a state that the service model has.
	never map[State]string
	moves []move
}

// next tells where an event leads from a state, if the move is legal.
func (m *machine) next(from State, on event) (State, bool) {
	i := slices.IndexFunc(m.moves, func(v move) bool { return v.from == from && v.on == on })
	if i < 0 {
		return from, false
	}
	return m.moves[i].to, true
}

// apply makes the move that an event asks for, or answers Conflict.
func (m *machine) apply(state *State, on event, id string) error {
	to, ok := m.next(*state, on)
	if !ok {
		return wrongState(m.noun, id, *state)
	}
	*state = to
	return nil
}

// allows tells whether an event is legal in a state.
func (m *machine) allows(from State, on event) bool {
	_, ok := m.next(from, on)
	return ok
}

//go:generate go test -run TestStatesDocumentIsFresh -update .

// StatesDocument is docs/states.md: every machine, printed from its table.
func StatesDocument() string {
	var b strings.Builder
	b.WriteString("# States\n\nPrinted from the tables in internal/studio; `go test ./internal/studio -update` writes it anew.\n" +
		"Every noun begins in CREATE_IN_PROGRESS. A move that is not in its table is refused with ConflictException.\n")
	for _, m := range machines() {
		fmt.Fprintf(&b, "\n## %s\n\n| state | meaning |\n|---|---|\n", strings.ToUpper(m.noun[:1])+m.noun[1:])
		for _, s := range states() {
			if why, ok := m.never[s]; ok {
				fmt.Fprintf(&b, "| %s | never: %s |\n", s, why)
			} else if says, ok := m.says[s]; ok {
				fmt.Fprintf(&b, "| %s | %s |\n", s, says)
			}
		}
		b.WriteString("\n| from | on | to |\n|---|---|---|\n")
		for _, v := range m.moves {
			fmt.Fprintf(&b, "| %s | %s | %s |\n", v.from, v.on, v.to)
		}
	}
	writeStatusCodes(&b)
	return b.String()
}

func machines() []*machine {
	return []*machine{sessionMachine, streamMachine, backupMachine, studioMachine, componentMachine, profileMachine, imageMachine}
}

func states() []State {
	return []State{
		CreateInProgress, Ready, StopInProgress, Stopped, StartInProgress, UpdateInProgress, DeleteInProgress, Deleted,
		CreateFailed, StopFailed, StartFailed, UpdateFailed, DeleteFailed,
	}
}

var sessionMachine = &machine{
	noun: "session",
	says: map[State]string{
		CreateInProgress: "its volume and workstation are being made",
		Ready:            "the desktop runs and streams may be opened",
		StopInProgress:   "the desktop is being ended, its backup is being made",
		Stopped:          "nothing runs; the volume is kept, or a backup of it",
		StartInProgress:  "the workstation is being made again, on the kept volume or on one from a backup",
		DeleteInProgress: "workstation, volume and backups are being removed",
		Deleted:          "nothing of it is left but this record",
		CreateFailed:     "it never ran; statusCode says why",
		StopFailed:       "it could not be stopped; stop again, or delete",
		StartFailed:      "it does not run; volume and backups are kept; start again, or delete",
		DeleteFailed:     "something of it could not be removed; delete again",
	},
	moves: []move{
		{CreateInProgress, eventReady, Ready},
		{CreateInProgress, eventFailed, CreateFailed},
		{Ready, eventStop, StopInProgress},
		{StopFailed, eventStop, StopInProgress},
		{StopInProgress, eventStopped, Stopped},
		{StopInProgress, eventFailed, StopFailed},
		{Stopped, eventStart, StartInProgress},
		{StartFailed, eventStart, StartInProgress},
		{StartInProgress, eventReady, Ready},
		{StartInProgress, eventFailed, StartFailed},
		{Ready, eventDelete, DeleteInProgress},
		{Stopped, eventDelete, DeleteInProgress},
		{CreateFailed, eventDelete, DeleteInProgress},
		{StopFailed, eventDelete, DeleteInProgress},
		{StartFailed, eventDelete, DeleteInProgress},
		{DeleteFailed, eventDelete, DeleteInProgress},
		{DeleteInProgress, eventDeleted, Deleted},
		{DeleteInProgress, eventFailed, DeleteFailed},
	},
}

var streamMachine = &machine{
	noun: "stream",
	says: map[State]string{
		Ready:   "its url opens the desktop until expiresAt",
		Deleted: "its url opens nothing any more; who is connected stays so while the session is READY",
	},
	never: map[State]string{
		CreateInProgress: "nothing has to be made, so it is READY at once",
		DeleteInProgress: "nothing has to be removed, so it is DELETED at once",
		CreateFailed:     "nothing is made that could fail",
		DeleteFailed:     "nothing is removed that could fail",
	},
	moves: []move{
		{CreateInProgress, eventMade, Ready},
		{Ready, eventExpire, Deleted},
	},
}

const noDesktop = "a backup has the states of sessions, but nothing of it runs"

var backupMachine = &machine{
	noun: "backup",
	says: map[State]string{
		CreateInProgress: "its snapshot is about to be taken",
		Ready:            "its session can be started from it",
		DeleteInProgress: "its snapshot is being deleted",
		Deleted:          "nothing of it is left but this record",
		CreateFailed:     "there is no snapshot; statusMessage says why",
		DeleteFailed:     "its snapshot could not be deleted; tried again when the next backup is made",
	},
	never: map[State]string{
		StopInProgress: noDesktop, Stopped: noDesktop, StartInProgress: noDesktop, StopFailed: noDesktop, StartFailed: noDesktop,
	},
	moves: []move{
		{CreateInProgress, eventMade, Ready},
		{CreateInProgress, eventFailed, CreateFailed},
		{Ready, eventDelete, DeleteInProgress},
		{CreateInProgress, eventDelete, DeleteInProgress},
		{CreateFailed, eventDelete, DeleteInProgress},
		{DeleteFailed, eventDelete, DeleteInProgress},
		{DeleteInProgress, eventDeleted, Deleted},
		{DeleteInProgress, eventFailed, DeleteFailed},
	},
}

var (
	studioMachine    = catalogueMachine("studio", nil)
	componentMachine = catalogueMachine("studio component", map[State]string{DeleteFailed: unusedOnly})
	profileMachine   = catalogueMachine("launch profile", nil)
	imageMachine     = catalogueMachine("streaming image", map[State]string{
		DeleteFailed: unusedOnly, UpdateFailed: "any name and description that is taken is good",
	})
)

const unusedOnly = "the deletion of one that is in use is refused at once, with ConflictException"

// catalogueMachine is the life that a studio and what administrators put into it share.
func catalogueMachine(noun string, never map[State]string) *machine {
	return &machine{
		noun:  noun,
		never: never,
		says: map[State]string{
			CreateInProgress: "it is being checked",
			Ready:            "it can be used",
			UpdateInProgress: "a change is being checked",
			DeleteInProgress: "it is being removed",
			Deleted:          "nothing of it is left but this record",
			CreateFailed:     "it never came to be; statusCode says why",
			UpdateFailed:     "the change was refused; the old content stands and can be used",
			DeleteFailed:     "it is still in use; the content stands and can be used",
		},
		moves: []move{
			{CreateInProgress, eventMade, Ready},
			{CreateInProgress, eventFailed, CreateFailed},
			{CreateFailed, eventDelete, Deleted},
			{Ready, eventUpdate, UpdateInProgress},
			{UpdateFailed, eventUpdate, UpdateInProgress},
			{DeleteFailed, eventUpdate, UpdateInProgress},
			{UpdateInProgress, eventMade, Ready},
			{UpdateInProgress, eventFailed, UpdateFailed},
			{Ready, eventDelete, DeleteInProgress},
			{UpdateFailed, eventDelete, DeleteInProgress},
			{DeleteFailed, eventDelete, DeleteInProgress},
			{DeleteInProgress, eventDeleted, Deleted},
			{DeleteInProgress, eventFailed, DeleteFailed},
		},
	}
}

// usable tells whether what is in this state can be used: its content stands.
func usable(s State) bool { return s == Ready || s == UpdateFailed || s == DeleteFailed }
