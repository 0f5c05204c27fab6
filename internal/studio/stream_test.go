package studio_test

import (
	"net/url"
	"testing"
	"time"

	"github.com/backlot/backlot/internal/studio"
)

func TestStreams(t *testing.T) {
	t.Parallel()
	w := setup(t)
	ctx := t.Context()
	s := w.launch(t)
	create := func(p studio.Principal, seconds *int) (*studio.StreamingSessionStream, error) {
		answer, err := w.CreateStreamingSessionStream(ctx, p, &studio.CreateStreamingSessionStreamRequest{StudioID: w.studioID, SessionID: s.SessionID, ExpirationInSeconds: seconds})
		if err != nil {
			return nil, err
		}
		return answer.Stream, nil
	}
	get := func(id string) *studio.StreamingSessionStream {
		answer, err := w.GetStreamingSessionStream(ctx, artist, &studio.GetStreamingSessionStreamRequest{StudioID: w.studioID, SessionID: s.SessionID, StreamID: id})
		must(t, err)
		return answer.Stream
	}
	ticketOf := func(v *studio.StreamingSessionStream) string {
		u, err := url.Parse(v.URL)
		must(t, err)
		return u.Query().Get("authToken")
	}

	made, err := create(admin, nil)
	must(t, err)
	v := get(made.StreamID)
	if v.State != studio.Ready || v.StatusCode != "STREAM_READY" || v.OwnedBy != artist.ID || v.CreatedBy != admin.ID ||
		!v.ExpiresAt.Equal(v.CreatedAt.Add(2*time.Minute)) || len(ticketOf(v)) != 43 {
		t.Fatalf("%+v", v)
	}
	second, err := create(artist, new(60))
	must(t, err)
	if ticketOf(get(second.StreamID)) == ticketOf(v) {
		t.Error("two streams have one ticket")
	}

	grant := studio.Grant{
		StreamID: v.StreamID, SessionID: s.SessionID, SessionKey: w.key(t, s), By: admin, OwnedBy: artist.ID,
		Control: true, MayShare: true, MayStop: true, Ends: s.StopAt, Keeps: true,
	}
	for range 2 { // as often as wanted
		if g, err := w.RedeemTicket(ctx, v.StreamID, ticketOf(v)); err != nil || g != grant {
			t.Fatalf("%+v, %v", g, err)
		}
	}
	for _, bad := range [][2]string{{v.StreamID, ""}, {v.StreamID, ticketOf(get(second.StreamID))}, {"nothing", ticketOf(v)}, {"", ""}} {
		_, err := w.RedeemTicket(ctx, bad[0], bad[1])
		wants(t, err, studio.AccessDenied, studio.CodeNotAllowed)
	}

	// Expired: the url opens nothing, who had opened it may go on.
	ticket := ticketOf(v)
	w.clock.advance(2 * time.Minute)
	_, err = w.RedeemTicket(ctx, v.StreamID, ticket)
	wants(t, err, studio.AccessDenied, studio.CodeNotAllowed)
	w.settle(t, ctx)
	if v = get(v.StreamID); v.State != studio.Deleted || v.StatusCode != "STREAM_DELETED" || v.URL != "" {
		t.Fatalf("expired: %+v", v)
	}
	if g, err := w.ResumeStream(ctx, v.StreamID); err != nil || g != grant {
		t.Fatalf("resume: %+v, %v", g, err)
	}

	// Stopped: every stream ends, at once and for good.
	third, err := create(artist, new(3600))
	must(t, err)
	_, err = w.StopStreamingSession(ctx, artist, &studio.StopStreamingSessionRequest{StudioID: w.studioID, SessionID: s.SessionID})
	must(t, err)
	if v := get(third.StreamID); v.State != studio.Deleted {
		t.Fatalf("stopped: %+v", v)
	}
	w.settle(t, ctx)
	_, err = create(artist, nil)
	wants(t, err, studio.Conflict, studio.CodeState)
	w.start(t, s.SessionID, nil)
	for _, id := range []string{v.StreamID, third.StreamID} {
		_, err = w.ResumeStream(ctx, id)
		wants(t, err, studio.AccessDenied, studio.CodeNotAllowed)
	}
	_, err = w.RedeemTicket(ctx, third.StreamID, ticketOf(third))
	wants(t, err, studio.AccessDenied, studio.CodeNotAllowed)
}
