package access

import (
	"fmt"

	"github.com/cedar-policy/cedar-go"

	"github.com/backlot/backlot/internal/studio"
)

// resourceTypes are Cedar's names of the types of resources in ARNs; what acts
// on no single resource acts on the account.
var resourceTypes = map[string]cedar.EntityType{
	"":                         "Account",
	"studio":                   "Studio",
	"studio-component":         "StudioComponent",
	"launch-profile":           launchProfile,
	"streaming-image":          "StreamingImage",
	"streaming-session":        "StreamingSession",
	"streaming-session-backup": "StreamingSessionBackup",
	"eula":                     "Eula",
	"eula-acceptance":          "EulaAcceptance",
}

const launchProfile cedar.EntityType = "LaunchProfile"

// facts are the two entities that a question is about.
type facts struct{ principal, resource cedar.Entity }

// Get implements cedar.EntityGetter.
func (f *facts) Get(uid cedar.EntityUID) (cedar.Entity, bool) {
	switch uid {
	case f.principal.UID:
		return f.principal, true
	case f.resource.UID:
		return f.resource, true
	default:
		return cedar.Entity{}, false
	}
}

// translate puts a question into Cedar's terms. What the resource does not have
// is absent, so that no condition holds by two things being unknown.
func translate(q studio.Question) (cedar.Request, *facts, error) {
	kind, ok := resourceTypes[q.Resource.Type]
	if !ok {
		return cedar.Request{}, nil, fmt.Errorf("policies know no resource of type %q", q.Resource.Type)
	}
	resource := cedar.Entity{UID: cedar.NewEntityUID(kind, cedar.String(q.Resource.ID))}
	attributes := cedar.RecordMap{}
	for name, value := range map[cedar.String]string{
		"studioId": q.Resource.StudioID, "ownedBy": q.Resource.OwnedBy, "createdBy": q.Resource.CreatedBy,
	} {
		if value != "" {
			attributes[name] = cedar.String(value)
		}
	}
	attributes["tags"] = record(q.Resource.Tags)
	resource.Attributes = cedar.NewRecord(attributes)

	principal := cedar.Entity{
		UID:        cedar.NewEntityUID("User", cedar.String(q.Principal.ID)),
		Attributes: cedar.NewRecord(cedar.RecordMap{"id": cedar.String(q.Principal.ID)}),
	}
	if q.Principal.Administrator {
		principal.UID.Type = "Administrator"
	} else {
		var groups []cedar.EntityUID
		if q.StudioAdministrator {
			groups = append(groups, cedar.NewEntityUID("Role", "StudioAdministrator"))
		}
		if q.StudioMember {
			groups = append(groups, cedar.NewEntityUID("Role", "StudioMember"))
		}
		if q.Resource.Member && kind == launchProfile {
			groups = append(groups, resource.UID)
		}
		principal.Parents = cedar.NewEntityUIDSet(groups...)
	}
	return cedar.Request{
		Principal: principal.UID,
		Action:    cedar.NewEntityUID("Action", cedar.String(q.Action)),
		Resource:  resource.UID,
		Context:   words(q),
	}, &facts{principal, resource}, nil
}

func record(of map[string]string) cedar.Record {
	m := make(cedar.RecordMap, len(of))
	for name, value := range of {
		m[cedar.String(name)] = cedar.String(value)
	}
	return cedar.NewRecord(m)
}

// words are what the request itself says.
func words(q studio.Question) cedar.Record {
	m := make(cedar.RecordMap, len(q.Request)+2)
	for name, value := range q.Request {
		m[cedar.String(name)] = cedar.String(value)
	}
	if len(q.Tags) > 0 {
		m["tags"] = record(q.Tags)
	}
	if len(q.Tags)+len(q.TagKeys) > 0 {
		var keys []cedar.Value
		for key := range q.Tags {
			keys = append(keys, cedar.String(key))
		}
		for _, key := range q.TagKeys {
			keys = append(keys, cedar.String(key))
		}
		m["tagKeys"] = cedar.NewSet(keys...)
	}
	return cedar.NewRecord(m)
}
