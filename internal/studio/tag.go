package studio

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// The limits of tags on one resource.
const (
	tagsMax     = 50
	tagKeyMax   = 128
	tagValueMax = 256
)

// checkTags keeps tags within the limits.
func checkTags(tags map[string]string) error {
	bad := func(format string, args ...any) error { return invalid(CodeTags, "tags", fmt.Sprintf(format, args...)) }
	if len(tags) > tagsMax {
		return bad("must leave a resource with at most %d tags, but it would have %d", tagsMax, len(tags))
	}
	for _, key := range slices.Sorted(maps.Keys(tags)) {
		value := tags[key]
		switch n := utf8.RuneCountInString(key); {
		case !utf8.ValidString(key) || !utf8.ValidString(value):
			return bad("must be text in UTF-8")
		case strings.ContainsRune(key+value, 0):
			return bad("must not have the character U+0000, which no store keeps as text")
		case n < 1 || n > tagKeyMax:
			return bad("must have keys of 1 to %d characters, but one has %d", tagKeyMax, n)
		case strings.HasPrefix(strings.ToLower(key), "aws:"):
			return bad("must not have keys that begin with aws:")
		case utf8.RuneCountInString(value) > tagValueMax:
			return bad("must have values of at most %d characters, but that of %q is longer", tagValueMax, key)
		}
	}
	return nil
}

// ownTags is a copy of tags that is never nil, as answers always show tags.
func ownTags(tags map[string]string) map[string]string {
	own := map[string]string{}
	maps.Copy(own, tags)
	return own
}

// taggedTables are the tables of what has tags, by the types in ARNs.
var taggedTables = map[string]Table{
	typeStudio: TableStudios, typeComponent: TableComponents, typeProfile: TableProfiles,
	typeImage: TableImages, typeSession: TableSessions, typeBackup: TableBackups,
}

// tagged is a noun with its tags.
type tagged struct {
	living
	tags     *map[string]string
	state    State
	resource Resource
}

func newTagged(n living) tagged {
	switch n := n.(type) {
	case *storedStudio:
		return tagged{n, &n.Tags, n.State, Resource{Type: typeStudio, ID: n.StudioID, StudioID: n.StudioID, CreatedBy: n.CreatedBy}}
	case *Component:
		return tagged{n, &n.Tags, n.State, Resource{Type: typeComponent, ID: n.StudioComponentID, StudioID: n.StudioID, CreatedBy: n.CreatedBy}}
	case *Profile:
		return tagged{n, &n.Tags, n.State, Resource{Type: typeProfile, ID: n.LaunchProfileID, StudioID: n.StudioID, CreatedBy: n.CreatedBy}}
	case *Image:
		return tagged{n, &n.Tags, n.State, Resource{Type: typeImage, ID: n.StreamingImageID, StudioID: n.StudioID, CreatedBy: n.CreatedBy}}
	case *Session:
		return tagged{n, &n.Tags, n.State, Resource{Type: typeSession, ID: n.SessionID, StudioID: n.StudioID, OwnedBy: n.OwnedBy, CreatedBy: n.CreatedBy}}
	case *Backup:
		return tagged{n, &n.Tags, n.State, Resource{Type: typeBackup, ID: n.BackupID, StudioID: n.StudioID, OwnedBy: n.OwnedBy}}
	default:
		return tagged{}
	}
}

// withTags finds what an ARN names and asks q about it.
func (s *Service) withTags(ctx context.Context, tx Tx, q Question, arn string) (tagged, error) {
	kind, id, err := s.openARN(arn)
	if err != nil {
		return tagged{}, err
	}
	t := tagged{resource: Resource{Type: kind, ID: id}}
	n := newLiving(taggedTables[kind])
	ok, err := found(tx.Find(ctx, id, n))
	if i := s.providedImage("", id); i != nil && kind == typeImage {
		n, ok = i, true
	}
	if err != nil {
		return t, err
	}
	if ok {
		t = newTagged(n)
		t.resource.Tags = *t.tags
	}
	q.Resource = t.resource
	if err := s.ask(ctx, tx, q); err != nil {
		return t, err
	}
	if t.living == nil || t.state == Deleted {
		return t, absent(strings.ReplaceAll(kind, "-", " "), arn)
	}
	return t, nil
}

// changeTags makes one change to the tags of what an ARN names. It is no change
// of the thing itself, and so shows in no other member.
func (s *Service) changeTags(ctx context.Context, q Question, arn string, change func(tags map[string]string) error) error {
	return s.write(ctx, func(tx Tx, _ time.Time) error {
		t, err := s.withTags(ctx, tx, q, arn)
		if err != nil {
			return err
		}
		if i, ok := t.living.(*Image); ok && i.Owner == amazon {
			return provided(i.StreamingImageID)
		}
		*t.tags = ownTags(*t.tags)
		if err := change(*t.tags); err != nil {
			return err
		}
		return tx.Save(ctx, t.living)
	})
}

// ListTagsForResource shows the tags of what an ARN names.
func (s *Service) ListTagsForResource(ctx context.Context, p Principal, req *ListTagsForResourceRequest) (*ListTagsForResourceResponse, error) {
	if err := Check(req); err != nil {
		return nil, err
	}
	answer := ListTagsForResourceResponse{Tags: map[string]string{}}
	return &answer, s.read(ctx, func(tx Tx) error {
		t, err := s.withTags(ctx, tx, Question{Principal: p, Action: "ListTagsForResource"}, req.ResourceARN)
		if err == nil {
			answer.Tags = ownTags(*t.tags)
		}
		return err
	})
}

// TagResource gives tags to what an ARN names; those of other keys stay.
func (s *Service) TagResource(ctx context.Context, p Principal, req *TagResourceRequest) (*TagResourceResponse, error) {
	if err := Check(req); err != nil {
		return nil, err
	}
	if err := checkTags(req.Tags); err != nil {
		return nil, err
	}
	q := Question{Principal: p, Action: "TagResource", Tags: req.Tags}
	return &TagResourceResponse{}, s.changeTags(ctx, q, req.ResourceARN, func(tags map[string]string) error {
		maps.Copy(tags, req.Tags)
		return checkTags(tags)
	})
}

// UntagResource takes tags from what an ARN names; keys it does not have are no matter.
func (s *Service) UntagResource(ctx context.Context, p Principal, req *UntagResourceRequest) (*UntagResourceResponse, error) {
	if err := Check(req); err != nil {
		return nil, err
	}
	q := Question{Principal: p, Action: "UntagResource", TagKeys: req.TagKeys}
	return &UntagResourceResponse{}, s.changeTags(ctx, q, req.ResourceARN, func(tags map[string]string) error {
		for _, key := range req.TagKeys {
			delete(tags, key)
		}
		return nil
	})
}
