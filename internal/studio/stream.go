package studio

import (
	"context"
	"crypto/hmac"
	"encoding/base64"
	"time"
)

// Stream is one grant to see a session's desktop as it is kept. Its ticket is
// made from the installation's secret when it is shown, and never kept.
type Stream struct {
	StreamingSessionStream
	revision

	StudioID  string `json:"studioId"`
	SessionID string `json:"sessionId"`
	// Workstation is the one that the stream was made for; it opens no later one.
	Workstation string `json:"workstation"`
	// Share is the link that a guest came by; empty: who made it came without.
	Share string `json:"share,omitempty"`
	// Administrator tells that who made it is one of the account.
	Administrator bool      `json:"administrator,omitempty"`
	ForgetAt      time.Time `json:"forgetAt,omitzero"`
}

// by is who made the stream.
func (v *Stream) by() Principal { return Principal{ID: v.CreatedBy, Administrator: v.Administrator} }

// Table implements Noun.
func (*Stream) Table() Table { return TableStreams }

// Row implements Noun. A stream's parent is its session.
func (v *Stream) Row(now time.Time) Row {
	return Row{
		ID: v.StreamID, StudioID: v.StudioID, ParentID: v.SessionID, OwnedBy: v.OwnedBy, CreatedBy: v.CreatedBy,
		State: v.State, CreatedAt: v.CreatedAt, DueAt: dueAt(v, now),
	}
}

// Next implements living.
func (v *Stream) Next(now time.Time) (Action, time.Time) {
	if v.State == Ready {
		return first(now, at(v.ExpiresAt, Expire))
	}
	return first(now, at(v.ForgetAt, Forget))
}

var streamCodes = map[State]StatusCode{
	CreateInProgress: "STREAM_CREATE_IN_PROGRESS", Ready: "STREAM_READY", Deleted: "STREAM_DELETED",
}

func (v *Stream) enter(on event) error {
	if err := streamMachine.apply(&v.State, on, v.StreamID); err != nil {
		return err
	}
	v.StatusCode = streamCodes[v.State]
	return nil
}

// end lets the stream's url open nothing more.
func (v *Stream) end(now time.Time, keep time.Duration) error {
	v.ForgetAt = now.Add(keep)
	return v.enter(eventExpire)
}

// endStreams ends every stream of a session that is not READY any more.
func (s *Service) endStreams(ctx context.Context, tx Tx, now time.Time, session *Session) error {
	session.Share = nil
	return s.endStreamsIf(ctx, tx, now, session, func(*Stream) bool { return true })
}

func (s *Service) endStreamsIf(ctx context.Context, tx Tx, now time.Time, session *Session, ends func(*Stream) bool) error {
	streams, err := List[Stream](ctx, tx, Query{ParentID: session.SessionID, States: []State{Ready}})
	if err != nil {
		return err
	}
	for _, v := range streams {
		if !ends(v) {
			continue
		}
		if err := v.end(now, s.cfg.Timing.KeepStream); err != nil {
			return err
		}
		if err := tx.Save(ctx, v); err != nil {
			return err
		}
	}
	return nil
}

// show is the stream as the API shows it: with its url while that opens something.
func (s *Service) show(v *Stream) *StreamingSessionStream {
	shown := v.StreamingSessionStream
	if v.State == Ready {
		shown.URL = s.cfg.StreamURL(v.StreamID, s.ticket(v.StreamID), v.Workstation)
	}
	return &shown
}

// ticket is what opens a stream: 256 bits that nobody can guess.
func (s *Service) ticket(streamID string) string {
	return base64.RawURLEncoding.EncodeToString(s.sign("ticket", streamID))
}

// CreateStreamingSessionStream makes a stream of a READY session. Nothing has to
// be made for it, so it is READY at once.
func (s *Service) CreateStreamingSessionStream(ctx context.Context, p Principal, req *CreateStreamingSessionStreamRequest) (*CreateStreamingSessionStreamResponse, error) {
	if err := Check(req); err != nil {
		return nil, err
	}
	var session *Session
	v, err := create(ctx, s, call{p, "CreateStreamingSessionStream", req, req.ClientToken}, func(tx Tx) error {
		there, r, err := s.findSession(ctx, tx, req.StudioID, req.SessionID)
		if err != nil {
			return err
		}
		if err := s.permit(ctx, tx, p, "CreateStreamingSessionStream", r, nil); err != nil {
			return err
		}
		if session = there; there == nil {
			return absent("streaming session", req.SessionID)
		}
		return nil
	}, func(_ Tx, now time.Time) (*Stream, error) {
		return s.newStream(session, p, now, req.ExpirationInSeconds)
	})
	if err != nil {
		return nil, err
	}
	return &CreateStreamingSessionStreamResponse{Stream: s.show(v)}, nil
}

func (s *Service) newStream(session *Session, p Principal, now time.Time, seconds *int) (*Stream, error) {
	switch session.State {
	case Ready:
	case Deleted:
		return nil, absent("streaming session", session.SessionID)
	default:
		return nil, wrongState("session", session.SessionID, session.State)
	}
	id, err := newID(s.cfg.Random)
	if err != nil {
		return nil, err
	}
	good := s.cfg.Timing.Stream
	if seconds != nil {
		good = time.Duration(*seconds) * time.Second
	}
	v := &Stream{
		StreamingSessionStream: StreamingSessionStream{
			StreamID: id, CreatedAt: now, CreatedBy: p.ID, ExpiresAt: now.Add(good), OwnedBy: session.OwnedBy, State: CreateInProgress,
		},
		StudioID: session.StudioID, SessionID: session.SessionID, Workstation: session.Workstation(), Administrator: p.Administrator,
	}
	return v, v.enter(eventMade)
}

// GetStreamingSessionStream shows one stream.
func (s *Service) GetStreamingSessionStream(ctx context.Context, p Principal, req *GetStreamingSessionStreamRequest) (*GetStreamingSessionStreamResponse, error) {
	if err := Check(req); err != nil {
		return nil, err
	}
	var answer GetStreamingSessionStreamResponse
	return &answer, s.read(ctx, func(tx Tx) error {
		session, r, err := s.findSession(ctx, tx, req.StudioID, req.SessionID)
		if err != nil {
			return err
		}
		if err := s.permit(ctx, tx, p, "GetStreamingSessionStream", r, nil); err != nil {
			return err
		}
		if session == nil {
			return absent("streaming session", req.SessionID)
		}
		var v Stream
		ok, err := found(tx.Find(ctx, req.StreamID, &v))
		if err != nil {
			return err
		}
		if !ok || v.SessionID != req.SessionID {
			return absent("stream", req.StreamID)
		}
		answer.Stream = s.show(&v)
		return nil
	})
}

// Grant is what a stream opens.
type Grant struct {
	StreamID  string
	SessionID string
	// SessionKey names the workstation to show, as streamers do.
	SessionKey string
	// By is who made the stream, and OwnedBy whose the session is.
	By      Principal
	OwnedBy string
	// Guest came by the link of a share. Control tells that keys and pointer are theirs, too.
	Guest, Control bool
	// MayShare and MayStop tell whether that is allowed to who made the stream.
	MayShare, MayStop bool
	// Share is there for who may share a session that is shared.
	Share *SessionShare
	// Ends is when the session ends by itself; zero: never. Keeps tells that it is
	// stopped then, not deleted.
	Ends  time.Time
	Keeps bool
}

// RedeemTicket tells what the ticket of a stream opens, as often as asked until
// the stream expires. AccessDenied is all that is said of one that opens nothing.
func (s *Service) RedeemTicket(ctx context.Context, streamID, ticket string) (Grant, error) {
	if !hmac.Equal([]byte(ticket), []byte(s.ticket(streamID))) {
		return Grant{}, noTicket()
	}
	return s.grant(ctx, streamID, func(v *Stream) bool { return v.State == Ready && s.now().Before(v.ExpiresAt) })
}

// ResumeStream tells what a stream opens to somebody who has proved to have
// opened it before. It does so beyond expiresAt, while the session stays READY.
func (s *Service) ResumeStream(ctx context.Context, streamID string) (Grant, error) {
	return s.grant(ctx, streamID, func(*Stream) bool { return true })
}

func (s *Service) grant(ctx context.Context, streamID string, good func(*Stream) bool) (Grant, error) {
	var g Grant
	err := s.read(ctx, func(tx Tx) error {
		var v Stream
		if ok, err := found(tx.Find(ctx, streamID, &v)); err != nil {
			return err
		} else if !ok || !good(&v) {
			return noTicket()
		}
		var session Session
		if ok, err := found(tx.Find(ctx, v.SessionID, &session)); err != nil {
			return err
		} else if !ok || session.State != Ready || session.Workstation() != v.Workstation {
			return noTicket()
		}
		var err error
		g, err = s.granted(ctx, tx, &v, &session)
		return err
	})
	return g, err
}

func (s *Service) granted(ctx context.Context, tx Tx, v *Stream, session *Session) (g Grant, err error) {
	g = Grant{
		StreamID: v.StreamID, SessionID: v.SessionID, SessionKey: v.Workstation, By: v.by(), OwnedBy: v.OwnedBy,
		Guest: v.Share != "", Control: true, Ends: session.StopAt, Keeps: true,
	}
	if !session.TerminateAt.IsZero() {
		g.Ends, g.Keeps = session.TerminateAt, false
	}
	if g.Guest {
		if session.Share == nil || session.Share.ID != v.Share {
			return Grant{}, noTicket()
		}
		g.Control = session.Share.Right == ShareControl
		return g, s.mayJoin(ctx, tx, g.By, session)
	}
	if g.MayStop, err = s.may(ctx, tx, g.By, "StopStreamingSession", session.resource()); err != nil {
		return Grant{}, err
	}
	g.MayStop = g.MayStop && session.stoppable()
	if g.MayShare, err = s.may(ctx, tx, g.By, "PutSessionShare", session.resource()); err != nil {
		return Grant{}, err
	}
	if g.MayShare {
		g.Share = s.shown(session)
	}
	return g, nil
}

func noTicket() error {
	return &Error{Kind: AccessDenied, Code: CodeNotAllowed, Message: "This link opens no desktop any more; open the stream anew."}
}
