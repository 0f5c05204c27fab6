package portal_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/backlot/backlot/internal/studio"
)

func TestShare(t *testing.T) {
	t.Parallel()
	w := setup(t)
	owner := w.signedIn(t, w.artist.Principal())
	id := owner.launch()
	w.work(t)
	made, err := w.PutSessionShare(t.Context(), w.artist.Principal(), &studio.PutSessionShareRequest{StudioID: w.studioID, SessionID: id, Right: studio.ShareWatch})
	must(t, err)
	path := strings.TrimPrefix(made.Share.URL, w.site.URL)

	w.newBrowser(t).get(path).shows(t, http.StatusUnauthorized, "Sign in")
	stranger := w.signedIn(t, w.other.Principal())
	stranger.get(path).shows(t, http.StatusForbidden, "This link opens no desktop")
	stranger.post(path).shows(t, http.StatusForbidden, "This link opens no desktop")

	store, err := w.StoreID(t.Context())
	must(t, err)
	_, err = w.PutLaunchProfileMembers(t.Context(), admin, &studio.PutLaunchProfileMembersRequest{
		StudioID: w.studioID, LaunchProfileID: w.profileID, IdentityStoreID: store,
		Members: []studio.NewLaunchProfileMember{{Persona: "USER", PrincipalID: w.other.PrincipalID}},
	})
	must(t, err)
	stranger.get(path).shows(t, http.StatusOK, "<strong>artist</strong> lets you watch", "Open the desktop")
	stranger.post(path).leads(t, w.site.URL+"/stream/")
	// No other site opens it in somebody's name.
	stranger.send(http.MethodPost, path, nil, "Origin", "https://elsewhere.example", "Sec-Fetch-Site", "cross-site").shows(t, http.StatusForbidden, "Nothing was done")

	_, err = w.DeleteSessionShare(t.Context(), w.artist.Principal(), &studio.DeleteSessionShareRequest{StudioID: w.studioID, SessionID: id})
	must(t, err)
	stranger.get(path).shows(t, http.StatusForbidden, "This link opens no desktop")
}
