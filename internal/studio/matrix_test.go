package studio_test

import (
	"context"
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/backlot/backlot/internal/studio"
)

// rights tell who may call each operation, besides the account administrator.
var rights = map[string]string{
	"administrator": `GetStreamingImage ListStreamingImages PutLaunchProfileMembers UpdateLaunchProfileMember DeleteLaunchProfileMember AcceptEulas
		DeleteBackup ImportBackup`,
	"administrator of any": `GetEula`,
	"member": `GetLaunchProfile GetLaunchProfileDetails GetLaunchProfileInitialization GetLaunchProfileMember ListLaunchProfileMembers
		CreateStreamingSession`,
	"self": `ListLaunchProfiles ListStreamingSessions ListStreamingSessionBackups`,
	"owner": `GetStreamingSession StartStreamingSession StopStreamingSession DeleteStreamingSession CreateStreamingSessionStream
		GetStreamingSessionStream GetStreamingSessionBackup
		CreateBackup GetBackup ListBackups VerifyBackup RestoreBackup ListBackupFiles GetBackupFile ExportBackup
		PutSessionShare GetSessionShare DeleteSessionShare`,
	"everybody": `ListEulas ListEulaAcceptances ListStudioMembers GetStudioMember`,
	"nobody": `CreateStudio GetStudio ListStudios UpdateStudio StartStudioSSOConfigurationRepair DeleteStudio PutStudioMembers DeleteStudioMember
		CreateStudioComponent GetStudioComponent ListStudioComponents UpdateStudioComponent DeleteStudioComponent
		CreateStreamingImage UpdateStreamingImage DeleteStreamingImage CreateLaunchProfile UpdateLaunchProfile DeleteLaunchProfile
		ListTagsForResource TagResource UntagResource ListLost AdoptLost DeleteLost`,
}

// may tells whether a caller may call an operation of some right on a target.
func may(right, caller, target string) bool {
	switch {
	case caller == "account administrator" || right == "everybody":
		return true
	case right == "nobody":
		return false
	case caller == "studio administrator":
		return target != "other studio" || right == "administrator of any"
	case right == "administrator" || right == "administrator of any":
		return false
	default:
		return caller == "artist owner" && target == "own"
	}
}

// undone is a store whose changes are undone, so that each call meets the same world.
type undone struct{ studio.Store }

var errUndone = errors.New("undone")

func (u undone) Write(ctx context.Context, now time.Time, fn func(studio.Tx) error) error {
	return u.Store.Write(ctx, now, func(tx studio.Tx) error {
		if err := fn(tx); err != nil {
			return err
		}
		return errUndone
	})
}

// lasting is a vault that keeps everything.
type lasting struct{ studio.Vault }

func (lasting) Remove(context.Context, string, string) error { return nil }

// target is what requests are about: ids by the names of their members.
type target map[string]any

// targets are the artist's own things, another's in the same studio, and another's in another one.
func (w *world) targets(t *testing.T) map[string]target {
	t.Helper()
	ctx := t.Context()
	w.makeBoss(t)
	two := w.newStudio(t, &studio.CreateStudioRequest{StudioName: "two", AdminRoleARN: role, UserRoleARN: role}).StudioID
	one := w.studioID
	_, err := w.PutStudioMembers(ctx, admin, &studio.PutStudioMembersRequest{
		StudioID: two, IdentityStoreID: identity, Members: []studio.NewStudioMember{{Persona: "ADMINISTRATOR", PrincipalID: other.ID}},
	})
	must(t, err)
	all := map[string]target{}
	for name, of := range map[string]struct {
		studioID          string
		owner, administer studio.Principal
	}{"own": {one, artist, boss}, "other's": {one, other, boss}, "other studio": {two, other, other}} {
		w.studioID = of.studioID
		w.componentID = w.newComponent(t, "c", "CUSTOM").StudioComponentID
		w.imageID = w.newImage(t, hostAMI).StreamingImageID
		w.profileID = w.newProfile(t, ctx)
		m := w.memberships(t)["launch profile"]
		must(t, m.put(of.owner.ID))
		if of.owner != artist {
			must(t, m.remove(artist.ID, ""))
		}
		s, err := w.CreateStreamingSession(ctx, admin, &studio.CreateStreamingSessionRequest{StudioID: w.studioID, LaunchProfileID: w.profileID, OwnedBy: &of.owner.ID})
		must(t, err)
		w.settle(t, ctx)
		_, err = w.StopStreamingSession(ctx, admin, &studio.StopStreamingSessionRequest{StudioID: w.studioID, SessionID: s.Session.SessionID})
		must(t, err)
		w.settle(t, ctx)
		backups, err := w.ListStreamingSessionBackups(ctx, admin, &studio.ListStreamingSessionBackupsRequest{StudioID: w.studioID, OwnedBy: of.owner.ID})
		must(t, err)
		_, err = w.StartStreamingSession(ctx, admin, &studio.StartStreamingSessionRequest{StudioID: w.studioID, SessionID: s.Session.SessionID})
		must(t, err)
		w.settle(t, ctx)
		stream, err := w.CreateStreamingSessionStream(ctx, admin, &studio.CreateStreamingSessionStreamRequest{StudioID: w.studioID, SessionID: s.Session.SessionID})
		must(t, err)
		_, err = w.PutSessionShare(ctx, admin, &studio.PutSessionShareRequest{StudioID: w.studioID, SessionID: s.Session.SessionID, Right: studio.ShareControl})
		must(t, err)
		all[name] = target{
			"StudioID": w.studioID, "StudioComponentID": w.componentID, "StreamingImageID": w.imageID, "LaunchProfileID": w.profileID,
			"SessionID": s.Session.SessionID, "StreamID": stream.Stream.StreamID, "BackupID": backups.StreamingSessionBackups[0].BackupID,
			"OwnedBy": of.owner.ID, "PrincipalID": of.owner.ID, "StudioPrincipalID": of.administer.ID,
			"LostID":      "lost" + w.profileID,
			"ResourceARN": s.Session.ARN, "StudioComponentIDs": []string{w.componentID},
		}
	}
	for _, about := range all {
		w.volumes[about["LostID"].(string)] = "lost"
	}
	w.studioID = one
	return all
}

// rest are the members of requests that have no part in who may call.
var rest = target{
	"Name": "x", "Type": "CUSTOM", "StudioName": "three", "AdminRoleARN": role, "UserRoleARN": role, "DisplayName": "x", "IdentityStoreID": identity,
	"EC2ImageID": hostAMI, "Persona": "USER", "EulaID": "eula00", "TagKeys": []string{"a"}, "Platform": "LINUX", "LaunchPurpose": "X",
	"LaunchProfileProtocolVersions": []string{"2021-03-31"}, "EC2SubnetIDs": []string{}, "Path": "/work",
	"Right": studio.ShareWatch,
}

// request fills a request of an operation about a target.
func (w *world) request(operation string, in reflect.Type, about target) reflect.Value {
	req := reflect.New(in)
	for i := range in.NumField() {
		name, field := in.Field(i).Name, req.Elem().Field(i)
		value, ok := about[name]
		if !ok {
			value, ok = rest[name]
		}
		if name == "PrincipalID" && strings.HasSuffix(operation, "StudioMember") {
			value = about["StudioPrincipalID"]
		}
		if name == "Path" && operation == "ListBackupFiles" { // which is of directories
			continue
		}
		if name == "StreamingImageID" && operation == "CreateStreamingSession" || name == "BackupID" && operation == "StartStreamingSession" {
			continue
		}
		switch v := reflect.ValueOf(value); {
		case !ok:
		case v.Type().AssignableTo(field.Type()):
			field.Set(v)
		case field.Kind() == reflect.Pointer && v.Type().AssignableTo(field.Type().Elem()):
			field.Set(reflect.New(v.Type()))
			field.Elem().Set(v)
		}
	}
	switch r := req.Interface().(type) {
	case *studio.CreateLaunchProfileRequest:
		r.StreamConfiguration = w.profile().StreamConfiguration
		r.StreamConfiguration.StreamingImageIDs = []string{about["StreamingImageID"].(string)}
	case *studio.PutLaunchProfileMembersRequest:
		r.Members = []studio.NewLaunchProfileMember{{Persona: "USER", PrincipalID: other.ID}}
	case *studio.PutStudioMembersRequest:
		r.Members = []studio.NewStudioMember{{Persona: "ADMINISTRATOR", PrincipalID: other.ID}}
	}
	return req
}

// operations are the methods of the service that answer requests.
func operations() map[string]reflect.Method {
	all := map[string]reflect.Method{}
	for m := range reflect.TypeFor[*studio.Service]().Methods() {
		if m.Type.NumIn() == 4 && m.Type.In(3).Kind() == reflect.Pointer && m.Type.In(3).Elem().Name() == m.Name+"Request" {
			all[m.Name] = m
		}
	}
	return all
}

// TestWhoMayDoWhat calls every operation as everybody on everything.
func TestWhoMayDoWhat(t *testing.T) {
	t.Parallel()
	var cfg studio.Config
	w := open(t, t, t.TempDir(), func(c *studio.Config) {
		c.Capacity = studio.Capacity{}
		c.Eulas = []studio.Eula{{EulaID: "eula00"}}
		cfg = *c
	})
	w.furnish(t, t.Context())
	targets := w.targets(t)
	cfg.Store, cfg.Vault = undone{cfg.Store}, lasting{cfg.Vault}
	service, err := studio.New(cfg)
	must(t, err)

	callers := map[string]studio.Principal{
		"account administrator": admin, "studio administrator": boss, "artist owner": artist, "artist stranger": {ID: "90677b1c2d-stranger"},
	}
	all := operations()
	if len(all) != 49+16 {
		t.Errorf("%d operations", len(all))
	}
	cells := 0
	for right, names := range rights {
		for operation := range strings.FieldsSeq(names) {
			method, ok := all[operation]
			if !ok {
				t.Errorf("no operation %s, or there twice", operation)
				continue
			}
			delete(all, operation)
			call := func(p studio.Principal, about target) error {
				out := method.Func.Call([]reflect.Value{
					reflect.ValueOf(service), reflect.ValueOf(t.Context()), reflect.ValueOf(p), w.request(operation, method.Type.In(3).Elem(), about),
				})
				err, _ := out[1].Interface().(error)
				return err
			}
			for caller, p := range callers {
				for name, about := range targets {
					cells++
					err := call(p, about)
					if may(right, caller, name) {
						if !done(err) {
							t.Errorf("%s by the %s on %s: %v", operation, caller, name, err)
						}
						continue
					}
					if studio.KindOf(err) != studio.AccessDenied {
						t.Errorf("%s by the %s on %s: %v, want a denial", operation, caller, name, err)
					}
					// What is not there is denied in the same words.
					nothing := target{"StudioID": about["StudioID"], "ResourceARN": about["ResourceARN"].(string) + "x", "OwnedBy": about["OwnedBy"]}
					for member := range about {
						if _, kept := nothing[member]; !kept && !strings.HasSuffix(member, "IDs") {
							nothing[member] = "nothing"
						}
					}
					nothing["StudioComponentIDs"] = []string{"nothing"}
					if again := call(p, nothing); again == nil || again.Error() != err.Error() {
						t.Errorf("%s by the %s on %s: %v, but on nothing: %v", operation, caller, name, err, again)
					}
				}
			}
		}
	}
	for operation := range all {
		t.Errorf("nobody says who may call %s", operation)
	}
	t.Logf("%d cells", cells)
}

// done tells that a call went through, or came as far as the state of things.
func done(err error) bool {
	var e *studio.Error
	return err == nil || errors.Is(err, errUndone) || errors.As(err, &e) && (e.Kind == studio.Conflict || e.Code == studio.CodeHealthy)
}
