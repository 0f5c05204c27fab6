package studio

import (
	"context"
	"strings"
)

func (s *Service) findSession(ctx context.Context, tx Tx, studioID, id string) (*Session, Resource, error) {
	var session Session
	ok, err := found(tx.Find(ctx, id, &session))
	if !ok || session.StudioID != studioID {
		return nil, Resource{Type: typeSession, ID: id, StudioID: studioID}, err
	}
	return &session, session.resource(), nil
}

func (s *Session) resource() Resource {
	return Resource{
		Type: typeSession, ID: s.SessionID, StudioID: s.StudioID, OwnedBy: s.OwnedBy, CreatedBy: s.CreatedBy, Tags: s.Tags,
	}
}

// GetStreamingSession shows one session.
func (s *Service) GetStreamingSession(ctx context.Context, p Principal, req *GetStreamingSessionRequest) (*GetStreamingSessionResponse, error) {
	if err := Check(req); err != nil {
		return nil, err
	}
	var answer GetStreamingSessionResponse
	return &answer, s.read(ctx, func(tx Tx) error {
		session, r, err := s.findSession(ctx, tx, req.StudioID, req.SessionID)
		if err != nil {
			return err
		}
		if err := s.permit(ctx, tx, p, "GetStreamingSession", r, nil); err != nil {
			return err
		}
		if session == nil {
			return absent("streaming session", req.SessionID)
		}
		answer.Session = &session.StreamingSession
		return nil
	})
}

// ListStreamingSessions lists a studio's sessions, the newest first.
func (s *Service) ListStreamingSessions(ctx context.Context, p Principal, req *ListStreamingSessionsRequest) (*ListStreamingSessionsResponse, error) {
	if err := Check(req); err != nil {
		return nil, err
	}
	answer := ListStreamingSessionsResponse{Sessions: []StreamingSession{}}
	return &answer, s.read(ctx, func(tx Tx) error {
		if err := s.permit(ctx, tx, p, "ListStreamingSessions", studioOf(req.StudioID),
			map[string]string{"ownedBy": req.OwnedBy, "createdBy": req.CreatedBy}); err != nil {
			return err
		}
		if _, err := s.theStudio(ctx, tx, req.StudioID); err != nil {
			return err
		}
		q := Query{StudioID: req.StudioID, OwnedBy: req.OwnedBy, CreatedBy: req.CreatedBy, NewestFirst: true}
		if req.SessionIDs != "" {
			q.IDs = append(none(), strings.FieldsFunc(req.SessionIDs, func(r rune) bool { return r == ',' || r == ' ' })...)
		}
		sessions, next, err := page[Session](ctx, s, tx, listing{"ListStreamingSessions", req, req.NextToken, pageSize}, q)
		for _, session := range sessions {
			answer.Sessions = append(answer.Sessions, session.StreamingSession)
		}
		answer.NextToken = next
		return err
	})
}
