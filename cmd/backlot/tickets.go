package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/backlot/backlot/internal/gateway"
	"github.com/backlot/backlot/internal/identity"
	"github.com/backlot/backlot/internal/studio"
)

// tickets lets the gateway ask the domain in its own words.
type tickets struct {
	service   *studio.Service
	directory *identity.Directory
}

func (t tickets) RedeemTicket(ctx context.Context, streamID, ticket string) (gateway.Grant, error) {
	g, err := t.service.RedeemTicket(ctx, streamID, ticket)
	return t.granted(ctx, g, err)
}

func (t tickets) ResumeStream(ctx context.Context, streamID string) (gateway.Grant, error) {
	g, err := t.service.ResumeStream(ctx, streamID)
	return t.granted(ctx, g, err)
}

func (t tickets) DesktopReady(ctx context.Context, sessionKey string) error {
	return t.service.DesktopReady(ctx, sessionKey)
}

func (t tickets) DesktopLost(ctx context.Context, sessionKey string) error {
	return t.service.DesktopLost(ctx, sessionKey)
}

func (t tickets) StopSession(ctx context.Context, streamID string) error {
	return t.service.StopByStream(ctx, streamID)
}

func (t tickets) ShareSession(ctx context.Context, streamID string, sharing gateway.Sharing) error {
	right := map[gateway.Sharing]string{gateway.SharedToWatch: studio.ShareWatch, gateway.SharedToControl: studio.ShareControl}[sharing]
	return t.service.ShareByStream(ctx, streamID, right)
}

func (t tickets) granted(ctx context.Context, g studio.Grant, err error) (gateway.Grant, error) {
	switch kind := studio.KindOf(err); {
	case err == nil:
	case kind == studio.Internal:
		return gateway.Grant{}, err
	default:
		return gateway.Grant{}, fmt.Errorf("%w: %w", gateway.ErrNoSuchTicket, err)
	}
	name, err := t.directory.Name(ctx, g.By)
	if errors.Is(err, identity.ErrNoUser) {
		name, err = "Somebody", nil
	}
	granted := gateway.Grant{
		SessionKey: g.SessionKey, SessionID: g.SessionID, UserID: g.By.ID, Name: name,
		Control: g.Control, Guest: g.Guest, Visitor: !g.Guest && g.By.ID != g.OwnedBy,
		Share: g.MayShare, Stop: g.MayStop, Ends: g.Ends, Keeps: g.Keeps,
	}
	if g.Share != nil {
		granted.Sharing, granted.Link = gateway.SharedToWatch, g.Share.URL
		if g.Share.Right == studio.ShareControl {
			granted.Sharing = gateway.SharedToControl
		}
	}
	return granted, err
}
