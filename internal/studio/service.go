package studio

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"time"
)

// Config is what a Service is made of.
type Config struct {
	Store  Store
	Access Access
	Users  Users
	Images Images
	// Vault reaches the files of backups; nil: this server does not have the volumes.
	Vault Vault
	// Installation is where new sessions live, and those that are brought on here.
	Installation string
	// Account and Region are parts of ids and ARNs.
	Account, Region string
	// StudioURL makes the address of a studio's page, StreamURL that of a stream,
	// ShareURL that of a page for who gets a share's link.
	StudioURL func(studioName string) string
	StreamURL func(streamID, ticket, sessionKey string) string
	ShareURL  func(token string) string
	// Secret makes tickets and page tokens; they hold as long as it stays the same.
	Secret []byte
	// Clock tells the time, Random gives unpredictable bytes.
	Clock  func() time.Time
	Random io.Reader
	// InstanceTypes say what each type means on this installation; only these can be used.
	InstanceTypes []InstanceType
	// Capacity is what sessions may take together.
	Capacity Capacity
	Quotas   Quotas
	Timing   Timing
	// Eulas are the licences that ProvidedImages may ask for, in the order of lists.
	Eulas []Eula
	// ProvidedImages are in every studio. Of each, id, name, description,
	// ec2ImageId, platform and eulaIds are looked at.
	ProvidedImages []StreamingImage
	// StrictNetworks refuses launch profiles with subnets that are no networks here.
	StrictNetworks bool
	// Log is told of every state that a session enters.
	Log *slog.Logger
}

// Users is what the identity store is asked.
type Users interface {
	// Known tells whether a principal is a user of an identity store.
	Known(ctx context.Context, identityStoreID, principalID string) (bool, error)
}

// Images is what the machine images are asked.
type Images interface {
	// Platform tells whether there is a machine image of that id, and whether it is LINUX or WINDOWS.
	Platform(ctx context.Context, imageID string) (platform string, ok bool, err error)
}

// Timing says how long things take at most, and how long they are kept. Zero
// members take their defaults.
type Timing struct {
	// Step is how long one step of a session's transition is tried before the
	// transition fails. Default 2 min.
	Step time.Duration
	// Create is the same for a session's creation: nothing is lost when that fails.
	// Default 1 min.
	Create time.Duration
	// Desktop is after how long without a desktop the workstation is looked at again. Default 10 s.
	Desktop time.Duration
	// Scripts is how long the initialization scripts of a desktop may take, all
	// together. Default 10 min.
	Scripts time.Duration
	// BackUpEvery is the READY time between two backups of a session. Default 4 h.
	BackUpEvery time.Duration
	// KeepSession is how long a deleted session can be asked for. Default 7 days.
	KeepSession time.Duration
	// KeepStream is how long an expired stream can be taken up again by those who
	// opened it, while its session stays READY. Default 31 days.
	KeepStream time.Duration
	// Keep is how long other deleted things, and what failed to be created, can
	// be asked for. Default 24 h.
	Keep time.Duration
	// KeepToken is how long a client token is remembered. Default 24 h.
	KeepToken time.Duration
	// Stream is how long a stream's url opens the desktop when the caller does
	// not say. Default 2 min.
	Stream time.Duration
}

func (t Timing) withDefaults() Timing {
	for of, d := range map[*time.Duration]time.Duration{
		&t.Step: 2 * time.Minute, &t.Create: time.Minute, &t.Desktop: 10 * time.Second, &t.Scripts: 10 * time.Minute, &t.BackUpEvery: 4 * time.Hour,
		&t.KeepSession: 7 * 24 * time.Hour, &t.KeepStream: 31 * 24 * time.Hour, &t.Keep: 24 * time.Hour,
		&t.KeepToken: 24 * time.Hour, &t.Stream: 2 * time.Minute,
	} {
		if *of == 0 {
			*of = d
		}
	}
	return t
}

// Service does the operations: one method for each, for every caller alike. It
// is safe for concurrent use.
type Service struct {
	cfg   Config
	types map[string]InstanceType
}

// New makes a Service.
func New(cfg Config) (*Service, error) {
	if len(cfg.Secret) < 16 {
		return nil, errors.New("the studio's secret is shorter than 16 bytes")
	}
	cfg.Quotas = cfg.Quotas.withDefaults()
	cfg.Timing = cfg.Timing.withDefaults()
	s := &Service{cfg: cfg, types: map[string]InstanceType{}}
	for _, t := range cfg.InstanceTypes {
		s.types[t.Name] = t
	}
	return s, nil
}

// now is the time at the precision of the store.
func (s *Service) now() time.Time {
	return s.cfg.Clock().UTC().Truncate(time.Microsecond)
}

// read runs fn on one view of the store.
func (s *Service) read(ctx context.Context, fn func(Tx) error) error {
	return outcome(s.cfg.Store.Read(ctx, fn))
}

// tries bounds how often a change is made again that lost against another.
const tries = 10

// write runs fn in one transaction, again when another change came between.
func (s *Service) write(ctx context.Context, fn func(tx Tx, now time.Time) error) error {
	for i := 1; ; i++ {
		now := s.now()
		err := s.cfg.Store.Write(ctx, now, func(tx Tx) error { return fn(tx, now) })
		if i == tries || !errors.Is(err, ErrStale) {
			return outcome(err)
		}
	}
}

// outcome gives errors from outside their kind.
func outcome(err error) error {
	var e *Error
	if err == nil || errors.As(err, &e) || errors.Is(err, context.Canceled) {
		return err
	}
	return &Error{Kind: Internal, Code: CodeInternal, Message: "Something went wrong on the server; nothing was changed. Try again.", Err: err}
}

// tell logs that a session has entered another state.
func (s *Service) tell(ctx context.Context, session *StreamingSession, before State) {
	if session.State != before {
		s.cfg.Log.InfoContext(ctx, "session", "session_id", session.SessionID, "from", before, "state", session.State, "status_code", session.StatusCode)
	}
}

// found tells whether a noun was found, passing on any other error.
func found(err error) (bool, error) {
	if errors.Is(err, ErrNoRow) {
		return false, nil
	}
	return err == nil, err
}

// permit asks Access whether p may do action on r, and answers AccessDenied if not.
// request holds the caller's own words that policies look at; absent ones may be empty.
func (s *Service) permit(ctx context.Context, tx Tx, p Principal, action string, r Resource, request map[string]string) error {
	return s.ask(ctx, tx, Question{Principal: p, Action: action, Resource: r, Request: request})
}

// may is permit where it is no error that something is not allowed.
func (s *Service) may(ctx context.Context, tx Tx, p Principal, action string, r Resource) (bool, error) {
	err := s.permit(ctx, tx, p, action, r, nil)
	if KindOf(err) == AccessDenied {
		return false, nil
	}
	return err == nil, err
}

// ask is permit for requests that tell more.
func (s *Service) ask(ctx context.Context, tx Tx, q Question) error {
	p, r := q.Principal, q.Resource
	q.Request = maps.Clone(q.Request)
	maps.DeleteFunc(q.Request, func(_, v string) bool { return v == "" })
	if p.User() {
		var err error
		if q.StudioAdministrator, err = s.administers(ctx, tx, p, r.StudioID); err != nil {
			return err
		}
		if r.Type == typeProfile {
			if q.Resource.Member, err = isMember(ctx, tx, r.ID, p.ID); err != nil {
				return err
			}
		}
	}
	ok, err := s.cfg.Access.Allowed(ctx, q)
	if err != nil {
		return fmt.Errorf("ask whether %s is allowed: %w", q.Action, err)
	}
	if !ok {
		return denied(q.Action, r.Type)
	}
	return nil
}

// studioOf is a studio as the resource of a question.
func studioOf(id string) Resource { return Resource{Type: typeStudio, ID: id, StudioID: id} }
