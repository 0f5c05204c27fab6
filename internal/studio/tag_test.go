package studio_test

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/backlot/backlot/internal/studio"
)

func asError(err error, e **studio.Error) bool { return errors.As(err, e) }

// arns are the ARNs of one of each kind that has tags.
func (w *world) arns(t *testing.T) map[string]string {
	t.Helper()
	s := w.launch(t)
	w.stop(t, s.SessionID, "RETAIN")
	return map[string]string{
		"studio": w.theStudio(t, w.studioID).ARN, "studio-component": w.theComponent(t, w.componentID).ARN, "streaming-image": w.theImage(t, w.imageID).ARN,
		"launch-profile": w.theProfile(t, w.profileID).ARN, "streaming-session": s.ARN, "streaming-session-backup": w.backups(t)[0].ARN,
	}
}

func TestTags(t *testing.T) {
	t.Parallel()
	w := setup(t)
	ctx := t.Context()
	for kind, arn := range w.arns(t) {
		if !strings.HasPrefix(arn, "arn:aws:nimble:"+region+":"+account+":"+kind+"/") {
			t.Errorf("%s: %s", kind, arn)
		}
		tag := func(tags map[string]string) error {
			_, err := w.TagResource(ctx, admin, &studio.TagResourceRequest{ResourceARN: arn, Tags: tags})
			return err
		}
		untag := func(keys ...string) error {
			_, err := w.UntagResource(ctx, admin, &studio.UntagResourceRequest{ResourceARN: arn, TagKeys: keys})
			return err
		}
		holds := func(want map[string]string) {
			t.Helper()
			a, err := w.ListTagsForResource(ctx, admin, &studio.ListTagsForResourceRequest{ResourceARN: arn})
			must(t, err)
			if diff := cmp.Diff(want, a.Tags); diff != "" {
				t.Errorf("%s: %s", kind, diff)
			}
		}
		holds(map[string]string{})
		must(t, tag(map[string]string{"a": "1", "b": "2"}))
		must(t, tag(map[string]string{"b": "3", "c": ""}))
		must(t, tag(nil))
		holds(map[string]string{"a": "1", "b": "3", "c": ""})
		must(t, untag("b", "nothing"))
		must(t, untag("b"))
		holds(map[string]string{"a": "1", "c": ""})

		many := map[string]string{}
		for i := range 48 {
			many[fmt.Sprint(i)] = "x"
		}
		must(t, tag(many))
		wants(t, tag(map[string]string{"one": "more"}), studio.Validation, studio.CodeTags)
		must(t, tag(map[string]string{"a": "one that is there"}))
		wants(t, tag(map[string]string{"a": strings.Repeat("x", 257)}), studio.Validation, studio.CodeTags)
		must(t, untag(append(slices.Collect(maps.Keys(many)), "a")...))
		holds(map[string]string{"c": ""})

		// Users learn nothing, whether the thing exists or not.
		for _, of := range []string{arn, arn + "x"} {
			_, err := w.ListTagsForResource(ctx, artist, &studio.ListTagsForResourceRequest{ResourceARN: of})
			wants(t, err, studio.AccessDenied, studio.CodeNotAllowed)
			_, err = w.TagResource(ctx, boss, &studio.TagResourceRequest{ResourceARN: of})
			wants(t, err, studio.AccessDenied, studio.CodeNotAllowed)
		}
		for _, of := range []string{arn + "x", strings.Replace(arn, account, "999999999999", 1), strings.Replace(arn, region, "eu-west-1", 1)} {
			_, err := w.UntagResource(ctx, admin, &studio.UntagResourceRequest{ResourceARN: of, TagKeys: []string{"a"}})
			wants(t, err, studio.NotFound, studio.CodeNotFound)
		}
	}
	for _, arn := range []string{
		"x", "arn:aws:nimble", "arn:aws:nimble:" + region + ":" + account + ":studio", "arn:aws:s3:::bucket/key",
		"arn:aws:nimble:" + region + ":" + account + ":eula/x", "arn:aws:nimble:" + region + ":" + account + ":studio/",
	} {
		_, err := w.ListTagsForResource(ctx, artist, &studio.ListTagsForResourceRequest{ResourceARN: arn})
		wants(t, err, studio.Validation, studio.CodeARN)
	}

	// What is deleted has none.
	c := w.newComponent(t, "c", "CUSTOM")
	_, err := w.DeleteStudioComponent(ctx, admin, &studio.DeleteStudioComponentRequest{StudioID: w.studioID, StudioComponentID: c.StudioComponentID})
	must(t, err)
	_, err = w.ListTagsForResource(ctx, admin, &studio.ListTagsForResourceRequest{ResourceARN: c.ARN})
	must(t, err)
	w.theComponent(t, c.StudioComponentID)
	_, err = w.ListTagsForResource(ctx, admin, &studio.ListTagsForResourceRequest{ResourceARN: c.ARN})
	wants(t, err, studio.NotFound, studio.CodeNotFound)
}

// namesMember wants a Validation error whose message and context name a member.
func namesMember(t *testing.T, what string, err error, member string) {
	t.Helper()
	var e *studio.Error
	if !asError(err, &e) || e.Kind != studio.Validation || e.Context["member"] != member || !strings.Contains(e.Message, member) {
		t.Errorf("%s: %v; want a Validation error that names %s", what, err, member)
	}
}

// FuzzARN opens ARNs that may be anything: what names something of this
// installation is the ARN of that.
func FuzzARN(f *testing.F) {
	w := open(f, f, f.TempDir(), nil)
	w.furnish(f, f.Context())
	prefix := "arn:aws:nimble:" + region + ":" + account + ":"
	for _, s := range []string{"", "studio/stid-x", "streaming-session/stid-x.y", "launch-profile/a/b", "studio/us-west-2:stid-x", "eula/x", "\xff/\x00"} {
		f.Add(prefix + s)
	}
	f.Add("arn:aws-cn:nimble:x:y:studio/z")
	f.Fuzz(func(t *testing.T, arn string) {
		kind, id, err := w.OpenARN(arn)
		if err != nil && studio.KindOf(err) != studio.Validation {
			t.Error(err)
		}
		if id != "" && w.ARN(kind, id) != arn {
			t.Errorf("%q is %s %q, and that is %q", arn, kind, id, w.ARN(kind, id))
		}
		_, err = w.TagResource(t.Context(), admin, &studio.TagResourceRequest{ResourceARN: arn})
		if k := studio.KindOf(err); err != nil && k != studio.Validation && k != studio.NotFound {
			t.Error(err)
		}
	})
}
