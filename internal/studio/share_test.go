package studio_test

import (
	"net/url"
	"strings"
	"testing"

	"github.com/backlot/backlot/internal/studio"
)

// TestSharing is the life of a link: who may make it, whom it lets in and as what,
// and that it ends with the sharing and with the session.
func TestSharing(t *testing.T) {
	t.Parallel()
	w := setup(t)
	ctx := t.Context()
	s := w.launch(t)
	put := func(p studio.Principal, right string) (string, error) {
		answer, err := w.PutSessionShare(ctx, p, &studio.PutSessionShareRequest{StudioID: w.studioID, SessionID: s.SessionID, Right: right})
		if err != nil {
			return "", err
		}
		if answer.Share.Right != right {
			t.Errorf("shared as %+v, want %s", answer.Share, right)
		}
		return strings.TrimPrefix(answer.Share.URL, "http://localhost/share/"), nil
	}
	grant := func(v *studio.StreamingSessionStream) (studio.Grant, error) {
		u, err := url.Parse(v.URL)
		must(t, err)
		return w.RedeemTicket(ctx, v.StreamID, u.Query().Get("authToken"))
	}
	_, err := put(artist, "EVERYTHING")
	wants(t, err, studio.Validation, studio.CodeEnum)
	_, err = put(other, studio.ShareWatch)
	wants(t, err, studio.AccessDenied, studio.CodeNotAllowed)
	_, err = w.GetSessionShare(ctx, artist, &studio.GetSessionShareRequest{StudioID: w.studioID, SessionID: s.SessionID})
	wants(t, err, studio.NotFound, studio.CodeNotFound)

	token, err := put(artist, studio.ShareWatch)
	must(t, err)
	// Of another studio, or of none.
	_, err = w.JoinSession(ctx, studio.Principal{ID: "90677b1c2d-stranger"}, token)
	wants(t, err, studio.AccessDenied, studio.CodeNotAllowed)
	w.makeBoss(t)
	for _, bad := range []string{"", token + "x", token[:len(token)-1], strings.SplitAfter(token, ".")[0], "nothing." + strings.SplitAfter(token, ".")[1]} {
		_, err = w.JoinSession(ctx, boss, bad)
		wants(t, err, studio.AccessDenied, studio.CodeNotAllowed)
	}
	v, err := w.ReadShare(ctx, boss, token)
	if err != nil || v != (studio.Invitation{OwnedBy: artist.ID, Right: studio.ShareWatch}) {
		t.Errorf("the link leads to %+v, %v", v, err)
	}
	guest, err := w.JoinSession(ctx, boss, token)
	must(t, err)
	g, err := grant(guest)
	must(t, err)
	if !g.Guest || g.Control || g.MayShare || g.MayStop || g.Share != nil || g.By != boss {
		t.Errorf("a guest may %+v", g)
	}
	// More, and less again; the link stays.
	again, err := put(artist, studio.ShareControl)
	must(t, err)
	if g, err := w.ResumeStream(ctx, guest.StreamID); again != token || err != nil || !g.Control {
		t.Errorf("link %q was %q; the guest may %+v, %v", again, token, g, err)
	}
	// A guest's page asks for nothing in the owner's name; one's own link makes no guest.
	own, err := w.JoinSession(ctx, artist, token)
	must(t, err)
	if g, err := grant(own); err != nil || g.Guest || !g.MayShare || g.Share == nil {
		t.Errorf("the owner by the link may %+v, %v", g, err)
	}

	must(t, w.ShareByStream(ctx, own.StreamID, ""))
	for _, opens := range []func() error{
		func() error { _, err := grant(guest); return err },
		func() error { _, err := w.ResumeStream(ctx, guest.StreamID); return err },
		func() error { _, err := w.JoinSession(ctx, boss, token); return err },
	} {
		wants(t, opens(), studio.AccessDenied, studio.CodeNotAllowed)
	}
	if _, err := w.ResumeStream(ctx, own.StreamID); err != nil {
		t.Errorf("the owner's stream ended, too: %v", err)
	}
	must(t, w.ShareByStream(ctx, own.StreamID, studio.ShareWatch))
	next, err := put(artist, studio.ShareWatch)
	must(t, err)
	if next == token {
		t.Error("an old link opens what is shared anew")
	}

	// The session ends, and starts again: nothing of it opens.
	must(t, w.StopByStream(ctx, own.StreamID))
	w.settle(t, ctx)
	_, err = w.JoinSession(ctx, boss, next)
	wants(t, err, studio.AccessDenied, studio.CodeNotAllowed)
	_, err = put(artist, studio.ShareWatch)
	wants(t, err, studio.Conflict, studio.CodeState)
	_, err = w.StartStreamingSession(ctx, artist, &studio.StartStreamingSessionRequest{StudioID: w.studioID, SessionID: s.SessionID})
	must(t, err)
	w.settle(t, ctx)
	_, err = w.JoinSession(ctx, boss, next)
	wants(t, err, studio.AccessDenied, studio.CodeNotAllowed)
}
