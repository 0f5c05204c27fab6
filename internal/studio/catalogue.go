package studio

import (
	"context"
	"time"
)

// life is what nouns of the catalogue keep of their lives, besides what is shown.
type life struct {
	// Attempts of the present transition that came to nothing; the next one is due
	// at RetryAt.
	Attempts int       `json:"attempts,omitempty"`
	RetryAt  time.Time `json:"retryAt,omitzero"`
	// ForgetAt is when what is deleted, or never came to be, is forgotten.
	ForgetAt time.Time `json:"forgetAt,omitzero"`
}

// next is what Next answers for a noun of the catalogue in a state.
func (l *life) next(now time.Time, state State) (Action, time.Time) {
	switch state {
	case CreateInProgress, UpdateInProgress, DeleteInProgress:
		return first(now, plan{Settle, l.RetryAt})
	default:
		return first(now, at(l.ForgetAt, Forget))
	}
}

// attemptsMax bounds how often the end of a transition is tried, for about a minute.
const attemptsMax = 9

// entry is a noun of the catalogue: a studio, or what administrators put into
// one. It is created, updated and deleted in the background: the content that
// stands is shown and used until the end of an update, and after one that failed.
type entry interface {
	living
	card() card
	// judge tells why the transition that the noun is in cannot succeed; an empty
	// code: it can.
	judge(ctx context.Context, s *Service, tx Tx) (StatusCode, string, error)
	// conclude does what the end of the transition brings with it, whether it is
	// good or not; the state is still that of the transition.
	conclude(ctx context.Context, s *Service, tx Tx, good bool) error
}

// card holds what all nouns of the catalogue have, in each at its own place.
type card struct {
	of        *kind
	id        string
	state     *State
	code      *StatusCode
	says      *string
	updatedAt *time.Time // nil where none is shown
	life      *life
}

// kind is what the nouns of one table of the catalogue have in common.
type kind struct {
	*machine
	// prefix begins the status codes; made and updated are those of READY.
	prefix        string
	made, updated StatusCode
}

var (
	studioKind    = &kind{studioMachine, "STUDIO_", "STUDIO_CREATED", "STUDIO_UPDATED"}
	repairKind    = &kind{studioMachine, "STUDIO_", "STUDIO_CREATED", repaired}
	componentKind = &kind{componentMachine, "STUDIO_COMPONENT_", "STUDIO_COMPONENT_CREATED", "STUDIO_COMPONENT_UPDATED"}
	profileKind   = &kind{profileMachine, "LAUNCH_PROFILE_", "LAUNCH_PROFILE_CREATED", "LAUNCH_PROFILE_UPDATED"}
	imageKind     = &kind{imageMachine, "STREAMING_IMAGE_", "STREAMING_IMAGE_READY", "STREAMING_IMAGE_READY"}
)

// say sets the status code and the sentence that a state has when nothing went wrong.
func (c card) say(updated bool) {
	the := "The " + c.of.noun
	*c.code = StatusCode(c.of.prefix + string(*c.state))
	switch *c.state {
	case CreateInProgress:
		*c.says = the + " is being checked."
	case UpdateInProgress:
		*c.says = "The change of the " + c.of.noun + " is being checked."
	case DeleteInProgress:
		*c.says = the + " is being deleted."
	case Deleted:
		*c.says = the + " is deleted."
	default:
		*c.code, *c.says = c.of.made, the+" is ready."
		if updated {
			*c.code, *c.says = c.of.updated, the+" is changed and ready."
		}
	}
}

// enter makes a move that succeeds, with what every move brings with it.
func (c card) enter(now time.Time, on event) error {
	from := *c.state
	if err := c.of.apply(c.state, on, c.id); err != nil {
		return err
	}
	c.say(from == UpdateInProgress)
	c.touch(now)
	return nil
}

// fail ends a transition as failed; the content that stood before stands.
func (c card) fail(now time.Time, code StatusCode, says string) error {
	if err := c.of.apply(c.state, eventFailed, c.id); err != nil {
		return err
	}
	*c.code, *c.says = code, says
	c.touch(now)
	return nil
}

func (c card) touch(now time.Time) {
	c.life.Attempts, c.life.RetryAt = 0, time.Time{}
	if c.updatedAt != nil {
		*c.updatedAt = now
	}
}

// begin lets an update or a deletion begin. What was never made is deleted at
// once, as nothing of it has to be removed; it cannot be changed.
func (s *Service) begin(now time.Time, e entry, on event) error {
	c := e.card()
	if *c.state == Deleted || *c.state == CreateFailed && on == eventUpdate {
		return absent(c.of.noun, c.id)
	}
	if err := c.enter(now, on); err != nil {
		return err
	}
	if *c.state == Deleted {
		c.life.ForgetAt = now.Add(s.cfg.Timing.Keep)
	}
	return nil
}

// settle ends the transition that a noun of the catalogue is in. failed says
// that what it depends on could not be found out.
func (s *Service) settle(ctx context.Context, tx Tx, now time.Time, e entry, failed *Failure) error {
	c := e.card()
	if failed != nil && !failed.Final && c.life.Attempts+1 < attemptsMax {
		c.life.Attempts++
		c.life.RetryAt = now.Add(backoff(c.life.Attempts))
		return nil
	}
	var code StatusCode
	var says string
	var err error
	if failed != nil {
		code, says = failed.Code, failed.Message
	} else if code, says, err = e.judge(ctx, s, tx); err != nil {
		return err
	}
	if err := e.conclude(ctx, s, tx, code == ""); err != nil {
		return err
	}
	if code == "" && *c.state == DeleteInProgress || code != "" && *c.state == CreateInProgress {
		c.life.ForgetAt = now.Add(s.cfg.Timing.Keep)
	}
	switch {
	case code != "":
		return c.fail(now, code, says)
	case *c.state == DeleteInProgress:
		return c.enter(now, eventDeleted)
	default:
		return c.enter(now, eventMade)
	}
}
