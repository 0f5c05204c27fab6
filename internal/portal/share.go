package portal

import (
	"errors"
	"net/http"

	"github.com/backlot/backlot/internal/identity"
	"github.com/backlot/backlot/internal/studio"
)

// sharePage is what the link of a shared desktop shows before it opens it.
type sharePage struct {
	Title, Owner string
	Control      bool
}

// invite shows where a share's link leads. Whatever looks at links gets no stream.
func (p *Portal) invite(w http.ResponseWriter, r *http.Request) {
	u, ok := p.signedIn(w, r)
	if !ok {
		return
	}
	v, err := p.cfg.Service.ReadShare(r.Context(), u.Principal, r.PathValue("token"))
	if err != nil {
		p.uninvited(w, r, err)
		return
	}
	page := sharePage{Title: "A desktop is shared with you", Control: v.Right == studio.ShareControl}
	page.Owner, err = p.cfg.Identity.Name(r.Context(), studio.Principal{ID: v.OwnedBy})
	if err != nil && !errors.Is(err, identity.ErrNoUser) {
		p.fail(w, r, err)
		return
	}
	p.render(w, http.StatusOK, "share", page)
}

// join leads to the desktop.
func (p *Portal) join(w http.ResponseWriter, r *http.Request) {
	u, ok := p.signedIn(w, r)
	if !ok {
		return
	}
	stream, err := p.cfg.Service.JoinSession(r.Context(), u.Principal, r.PathValue("token"))
	if err != nil {
		p.uninvited(w, r, err)
		return
	}
	p.cfg.Log.InfoContext(r.Context(), "done by the page", "op", "join", "user_id", u.ID, "stream_id", stream.StreamID)
	http.Redirect(w, r, stream.URL, http.StatusSeeOther) //nolint:gosec // the stream's url is the server's own
}

func (p *Portal) uninvited(w http.ResponseWriter, r *http.Request, err error) {
	status, ok := statuses[studio.KindOf(err)]
	if !ok {
		p.fail(w, r, err)
		return
	}
	p.say(w, status, "This link opens no desktop", "Its owner has ended the sharing, the desktop was stopped, or it belongs to a studio that you are not in. Ask whoever gave you the link for a new one.")
}
