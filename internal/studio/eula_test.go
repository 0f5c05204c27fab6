package studio_test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/backlot/backlot/internal/studio"
)

const baseImage = "AAAAAAAAQACAAAAAAAAAAA"

// licensed is an installation with a provided image that asks for two of its n licences.
func licensed(t *testing.T, n int) *world {
	t.Helper()
	w := open(t, t, t.TempDir(), func(c *studio.Config) {
		for i := range n {
			c.Eulas = append(c.Eulas, studio.Eula{
				EulaID: fmt.Sprintf("eula%02d", i), Name: "vendor-product", Content: "https://localhost/licence",
				CreatedAt: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC),
			})
		}
		c.ProvidedImages = []studio.StreamingImage{{
			StreamingImageID: baseImage, Name: "Base", EC2ImageID: hostAMI, Platform: "LINUX", EulaIDs: []string{"eula00", "eula01"},
		}}
	})
	w.furnish(t, t.Context())
	return w
}

func TestEulas(t *testing.T) {
	t.Parallel()
	w := licensed(t, 120)
	ctx := t.Context()
	w.makeBoss(t)
	var ids []string
	req := &studio.ListEulasRequest{}
	for {
		a, err := w.ListEulas(ctx, artist, req)
		must(t, err)
		for _, e := range a.Eulas {
			ids = append(ids, e.EulaID)
		}
		if req.NextToken = a.NextToken; req.NextToken == "" {
			break
		}
		if len(a.Eulas) != 50 {
			t.Errorf("a page of %d", len(a.Eulas))
		}
	}
	if len(ids) != 120 || ids[0] != "eula00" || ids[119] != "eula119" {
		t.Errorf("%d: %v", len(ids), ids)
	}
	_, err := w.ListEulas(ctx, artist, &studio.ListEulasRequest{NextToken: "x"})
	wants(t, err, studio.Validation, studio.CodePageToken)
	some, err := w.ListEulas(ctx, artist, &studio.ListEulasRequest{EulaIDs: []string{"eula07", "nothing"}})
	must(t, err)
	if len(some.Eulas) != 1 || some.Eulas[0].EulaID != "eula07" {
		t.Errorf("filtered: %+v", some)
	}
	one, err := w.GetEula(ctx, boss, &studio.GetEulaRequest{EulaID: "eula07"})
	must(t, err)
	if one.Eula.Content != "https://localhost/licence" {
		t.Errorf("%+v", one.Eula)
	}
	_, err = w.GetEula(ctx, boss, &studio.GetEulaRequest{EulaID: "nothing"})
	wants(t, err, studio.NotFound, studio.CodeNotFound)
	_, err = w.GetEula(ctx, artist, &studio.GetEulaRequest{EulaID: "eula07"})
	wants(t, err, studio.AccessDenied, studio.CodeNotAllowed)
}

func TestAcceptances(t *testing.T) {
	t.Parallel()
	w := licensed(t, 120)
	ctx := t.Context()
	w.makeBoss(t)
	accept := func(p studio.Principal, token string, ids ...string) ([]studio.EulaAcceptance, error) {
		a, err := w.AcceptEulas(ctx, p, &studio.AcceptEulasRequest{StudioID: w.studioID, EulaIDs: ids, ClientToken: token})
		if err != nil {
			return nil, err
		}
		return a.EulaAcceptances, nil
	}
	profile := w.newProfile(t, ctx, streamConfiguration(func(c *studio.StreamConfigurationCreate) { c.StreamingImageIDs = []string{baseImage} }))
	create := func() error {
		_, err := w.CreateStreamingSession(ctx, artist, &studio.CreateStreamingSessionRequest{StudioID: w.studioID, LaunchProfileID: profile})
		return err
	}
	first, err := accept(boss, "a", "eula01")
	must(t, err)
	if a := first[0]; a.EulaID != "eula01" || a.AccepteeID != w.studioID || a.AcceptedBy != boss.ID || !a.AcceptedAt.Equal(w.clock.Now()) || len(a.EulaAcceptanceID) != 22 {
		t.Errorf("%+v", a)
	}
	err = create()
	wants(t, err, studio.Validation, studio.CodeEula)
	if e := new(studio.Error); !asError(err, &e) || e.Context["eulaIds"] != "eula00" {
		t.Errorf("%v", err)
	}
	w.clock.advance(time.Second)
	both, err := accept(admin, "", "eula01", "eula00")
	must(t, err)
	if diff := cmp.Diff(first[0], both[0]); diff != "" {
		t.Error(diff)
	}
	must(t, create())
	again, err := accept(boss, "a", "eula01")
	must(t, err)
	if diff := cmp.Diff(first, again); diff != "" {
		t.Error(diff)
	}
	_, err = accept(boss, "a", "eula02")
	wants(t, err, studio.Validation, studio.CodeClientToken)
	_, err = accept(boss, "", "eula02", "nothing")
	wants(t, err, studio.NotFound, studio.CodeNotFound)
	_, err = accept(artist, "", "eula02")
	wants(t, err, studio.AccessDenied, studio.CodeNotAllowed)
	none, err := accept(boss, "")
	must(t, err)
	if none == nil || len(none) != 0 {
		t.Errorf("%v", none)
	}

	// Many at once are one.
	var twins sync.WaitGroup
	for range 20 {
		twins.Go(func() {
			if _, err := accept(admin, "", "eula05"); err != nil {
				t.Error(err)
			}
		})
	}
	twins.Wait()
	list, err := w.ListEulaAcceptances(ctx, artist, &studio.ListEulaAcceptancesRequest{StudioID: w.studioID})
	must(t, err)
	if len(list.EulaAcceptances) != 3 {
		t.Errorf("%+v", list.EulaAcceptances)
	}
	list, err = w.ListEulaAcceptances(ctx, artist, &studio.ListEulaAcceptancesRequest{StudioID: w.studioID, EulaIDs: []string{"eula05", "eula09"}})
	must(t, err)
	if len(list.EulaAcceptances) != 1 || list.EulaAcceptances[0].EulaID != "eula05" {
		t.Errorf("%+v", list.EulaAcceptances)
	}
}

func TestProvidedImages(t *testing.T) {
	t.Parallel()
	w := licensed(t, 2)
	ctx := t.Context()
	for owner, want := range map[string]int{"": 2, "AMAZON": 1, "amazon": 1, w.studioID: 1, "nobody": 0} {
		a, err := w.ListStreamingImages(ctx, admin, &studio.ListStreamingImagesRequest{StudioID: w.studioID, Owner: owner})
		must(t, err)
		if len(a.StreamingImages) != want {
			t.Errorf("of %q: %+v", owner, a.StreamingImages)
		}
	}
	i := w.theImage(t, baseImage)
	if i.Owner != "amazon" || i.State != studio.Ready || i.ARN == "" || len(i.EulaIDs) != 2 {
		t.Errorf("%+v", i)
	}
	_, err := w.UpdateStreamingImage(ctx, admin, &studio.UpdateStreamingImageRequest{StudioID: w.studioID, StreamingImageID: baseImage, Name: new("x")})
	wants(t, err, studio.AccessDenied, studio.CodeProvided)
	_, err = w.DeleteStreamingImage(ctx, admin, &studio.DeleteStreamingImageRequest{StudioID: w.studioID, StreamingImageID: baseImage})
	wants(t, err, studio.AccessDenied, studio.CodeProvided)
	_, err = w.TagResource(ctx, admin, &studio.TagResourceRequest{ResourceARN: i.ARN, Tags: map[string]string{"a": "b"}})
	wants(t, err, studio.AccessDenied, studio.CodeProvided)
	tags, err := w.ListTagsForResource(ctx, admin, &studio.ListTagsForResourceRequest{ResourceARN: i.ARN})
	must(t, err)
	if len(tags.Tags) != 0 {
		t.Errorf("%v", tags)
	}
}
