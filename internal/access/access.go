package access

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/cedar-policy/cedar-go"

	"github.com/backlot/backlot/internal/studio"
)

// Config is what Policies are made of.
type Config struct {
	// Dir holds the operator's own policies, files named *.cedar, which hold
	// besides those built in; empty: none. A forbid overrules every permit.
	Dir string
}

// Policies decide by all policies together. They are safe for concurrent use.
type Policies struct {
	set *cedar.PolicySet
}

var _ studio.Access = (*Policies)(nil)

//go:embed policies/*.cedar
var builtIn embed.FS

// New reads the policies; an error names file, line and column.
func New(cfg Config) (*Policies, error) {
	p := &Policies{set: cedar.NewPolicySet()}
	if err := p.add("built in: ", builtIn, "policies/*.cedar"); err != nil {
		return nil, err
	}
	if cfg.Dir != "" {
		if _, err := os.Stat(cfg.Dir); err != nil {
			return nil, fmt.Errorf("read policies: %w", err)
		}
		if err := p.add(cfg.Dir+"/", os.DirFS(cfg.Dir), "*.cedar"); err != nil {
			return nil, err
		}
	}
	return p, nil
}

func (p *Policies) add(from string, files fs.FS, pattern string) error {
	names, err := fs.Glob(files, pattern)
	if err != nil {
		return err
	}
	for _, name := range names {
		text, err := fs.ReadFile(files, name)
		if err != nil {
			return fmt.Errorf("read policies: %w", err)
		}
		list, err := cedar.NewPolicyListFromBytes(from+name, text)
		if err != nil {
			return fmt.Errorf("read policies of %s%s: %w", from, name, err)
		}
		for i, policy := range list {
			p.set.Add(cedar.PolicyID(fmt.Sprintf("%s%s, policy %d", from, name, i+1)), policy)
		}
	}
	return nil
}

// Allowed tells whether the policies allow what q asks. They see:
//
//   - the principal, Administrator::"name" of the account or User::"principal id",
//     with id; a User is in Role::"StudioAdministrator" of the studio in question,
//     for JoinSession in Role::"StudioMember" of it, and in the LaunchProfile in question that they are a member of;
//   - the action, Action::"GetStreamingSession";
//   - the resource, such as StreamingSession::"id" (see resourceTypes), with
//     studioId, ownedBy and createdBy where it has them, and tags;
//   - the context: what the request itself says of ownedBy, createdBy, principalId;
//     the tags that it gives, and the tagKeys of those that it gives or takes.
//
// A permit that fails while it is worked out permits nothing, a forbid that
// fails is an error: nothing is done that it may have been meant to prevent.
func (p *Policies) Allowed(_ context.Context, q studio.Question) (bool, error) {
	if q.Principal.ID == "" {
		return false, nil
	}
	request, facts, err := translate(q)
	if err != nil {
		return false, err
	}
	decision, why := cedar.Authorize(p.set, facts, request)
	for _, e := range why.Errors {
		if p.set.Get(e.PolicyID).Effect() == cedar.Forbid {
			return false, fmt.Errorf("%s: %w", e.PolicyID, errors.New(e.Message))
		}
	}
	return decision == cedar.Allow, nil
}
