package studio

import (
	"context"
	"crypto/hmac"
	"encoding/base64"
	"strings"
	"time"
)

// What the guests of a shared session may do.
const (
	// ShareWatch lets them see.
	ShareWatch = "WATCH"
	// ShareControl lets their keys and pointers reach the desktop, too.
	ShareControl = "CONTROL"
)

// share lets members of the studio look at a session while it is READY. Its link
// is made from the installation's secret when it is shown, and never kept.
type share struct {
	ID    string `json:"id"`
	Right string `json:"right"`
}

// shown is the share of a session as its owner sees it; nil: there is none.
func (s *Service) shown(session *Session) *SessionShare {
	if session.Share == nil {
		return nil
	}
	return &SessionShare{Right: session.Share.Right, URL: s.cfg.ShareURL(s.shareToken(session))}
}

// shareToken is what opens the share of a session: its workstation, to find it by,
// and 256 bits that nobody can guess.
func (s *Service) shareToken(session *Session) string {
	secret := base64.RawURLEncoding.EncodeToString(s.sign("share", session.Workstation(), session.Share.ID))
	return session.Workstation() + "." + secret
}

// PutSessionShare lets members of the studio look at a READY session by a link. Of
// one that is shared already, the link stays, and what guests may do changes.
func (s *Service) PutSessionShare(ctx context.Context, p Principal, req *PutSessionShareRequest) (*PutSessionShareResponse, error) {
	var answer PutSessionShareResponse
	_, err := s.changeSession(ctx, call{p: p, operation: "PutSessionShare", req: req}, req.StudioID, req.SessionID,
		func(_ Tx, _ time.Time, session *Session) error {
			if session.State != Ready {
				return wrongState("session", session.SessionID, session.State)
			}
			if session.Share == nil {
				id, err := newID(s.cfg.Random)
				if err != nil {
					return err
				}
				session.Share = &share{ID: id}
			}
			session.Share.Right = req.Right
			answer.Share = s.shown(session)
			return nil
		})
	return &answer, err
}

// GetSessionShare shows by which link others may look at a session.
func (s *Service) GetSessionShare(ctx context.Context, p Principal, req *GetSessionShareRequest) (*GetSessionShareResponse, error) {
	if err := Check(req); err != nil {
		return nil, err
	}
	var answer GetSessionShareResponse
	return &answer, s.read(ctx, func(tx Tx) error {
		session, err := s.permitSession(ctx, tx, Question{Principal: p, Action: "GetSessionShare"}, req.StudioID, req.SessionID)
		if err != nil {
			return err
		}
		if answer.Share = s.shown(session); answer.Share == nil {
			return absent("share of the streaming session", req.SessionID)
		}
		return nil
	})
}

// DeleteSessionShare makes the link worthless, and ends the streams of those who
// came by it.
func (s *Service) DeleteSessionShare(ctx context.Context, p Principal, req *DeleteSessionShareRequest) (*DeleteSessionShareResponse, error) {
	_, err := s.changeSession(ctx, call{p: p, operation: "DeleteSessionShare", req: req}, req.StudioID, req.SessionID,
		func(tx Tx, now time.Time, session *Session) error {
			session.Share = nil
			return s.endStreamsIf(ctx, tx, now, session, func(v *Stream) bool { return v.Share != "" })
		})
	return &DeleteSessionShareResponse{}, err
}

// Invitation is what a share's link leads to.
type Invitation struct {
	OwnedBy string
	Right   string
}

// ReadShare tells a member of the studio what a link leads to.
func (s *Service) ReadShare(ctx context.Context, p Principal, token string) (Invitation, error) {
	var v Invitation
	return v, s.read(ctx, func(tx Tx) error {
		session, err := s.invited(ctx, tx, p, token)
		if err == nil {
			v = Invitation{OwnedBy: session.OwnedBy, Right: session.Share.Right}
		}
		return err
	})
}

// JoinSession makes a stream of a shared session for a member of the studio who
// has its link.
func (s *Service) JoinSession(ctx context.Context, p Principal, token string) (*StreamingSessionStream, error) {
	var made *Stream
	err := s.write(ctx, func(tx Tx, now time.Time) error {
		session, err := s.invited(ctx, tx, p, token)
		if err != nil {
			return err
		}
		if made, err = s.newStream(session, p, now, nil); err != nil {
			return err
		}
		if p.ID != session.OwnedBy { // an owner by their own link is no guest
			made.Share = session.Share.ID
		}
		return tx.Save(ctx, made)
	})
	if err != nil {
		return nil, err
	}
	return s.show(made), nil
}

// invited finds the session that a link leads to.
func (s *Service) invited(ctx context.Context, tx Tx, p Principal, token string) (*Session, error) {
	workstation, _, _ := strings.Cut(token, ".")
	var session Session
	if ok, err := found(tx.FindUnique(ctx, workstation, &session)); err != nil {
		return nil, err
	} else if !ok || session.State != Ready || session.Share == nil || !hmac.Equal([]byte(token), []byte(s.shareToken(&session))) {
		return nil, noShare()
	}
	if err := s.mayJoin(ctx, tx, p, &session); err != nil {
		return nil, err
	}
	return &session, nil
}

// mayJoin asks whether somebody may be a guest of a session.
func (s *Service) mayJoin(ctx context.Context, tx Tx, p Principal, session *Session) error {
	member, err := s.belongs(ctx, tx, p, session.StudioID)
	if err != nil {
		return err
	}
	return s.ask(ctx, tx, Question{Principal: p, Action: "JoinSession", StudioMember: member, Resource: session.resource()})
}

// belongs tells whether a user is one of a studio's: an administrator of it, or a
// member of one of its launch profiles.
func (s *Service) belongs(ctx context.Context, tx Tx, p Principal, studioID string) (bool, error) {
	if ok, err := s.administers(ctx, tx, p, studioID); ok || err != nil {
		return ok, err
	}
	n, err := tx.Count(ctx, Query{Table: TableProfileMembers, StudioID: studioID, OwnedBy: p.ID})
	return n > 0, err
}

func noShare() error {
	return &Error{Kind: AccessDenied, Code: CodeNotAllowed, Message: "This link opens no desktop any more: its owner has ended the sharing, or the desktop was stopped. Ask for a new link."}
}

// StopByStream stops the session of a stream in the name of who opened it.
func (s *Service) StopByStream(ctx context.Context, streamID string) error {
	v, err := s.opened(ctx, streamID)
	if err != nil {
		return err
	}
	_, err = s.StopStreamingSession(ctx, v.by(), &StopStreamingSessionRequest{StudioID: v.StudioID, SessionID: v.SessionID})
	return err
}

// ShareByStream shares the session of a stream in the name of who opened it; with
// no right it ends the sharing.
func (s *Service) ShareByStream(ctx context.Context, streamID, right string) error {
	v, err := s.opened(ctx, streamID)
	switch {
	case err != nil:
	case right == "":
		_, err = s.DeleteSessionShare(ctx, v.by(), &DeleteSessionShareRequest{StudioID: v.StudioID, SessionID: v.SessionID})
	default:
		_, err = s.PutSessionShare(ctx, v.by(), &PutSessionShareRequest{StudioID: v.StudioID, SessionID: v.SessionID, Right: right})
	}
	return err
}

func (s *Service) opened(ctx context.Context, streamID string) (*Stream, error) {
	var v Stream
	return &v, s.read(ctx, func(tx Tx) error {
		ok, err := found(tx.Find(ctx, streamID, &v))
		if err == nil && !ok {
			err = noTicket()
		}
		return err
	})
}
