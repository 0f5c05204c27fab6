package access_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/backlot/backlot/internal/access"
	"github.com/backlot/backlot/internal/studio"
)

// Who may do what, as Nimble Studio had it, and with what it never had: for each group of operations, the
// resource they act on, whether a studio's administrator may, and when a user may.
var matrix = []struct {
	operations    string
	resource      string
	administrator bool
	user          string
}{
	{"CreateStreamingSession", "launch-profile", true, "member, for nobody else"},
	{"GetStreamingSession StartStreamingSession StopStreamingSession DeleteStreamingSession", "streaming-session", true, "owner"},
	{"CreateStreamingSessionStream GetStreamingSessionStream", "streaming-session", true, "owner"},
	{"ListStreamingSessions", "studio", true, "asks for ownedBy self"},
	{"GetStreamingSessionBackup", "streaming-session-backup", true, "owner"},
	{"ListStreamingSessionBackups", "studio", true, "asks for ownedBy self"},
	{"ListLaunchProfiles", "studio", true, "asks for principalId self"},
	{"GetLaunchProfile GetLaunchProfileDetails GetLaunchProfileInitialization GetLaunchProfileMember ListLaunchProfileMembers", "launch-profile", true, "member"},
	{"PutLaunchProfileMembers UpdateLaunchProfileMember DeleteLaunchProfileMember", "launch-profile", true, "no"},
	{"GetStreamingImage", "streaming-image", true, "no"},
	{"ListStreamingImages", "studio", true, "no"},
	{"ListEulas", "eula", true, "yes"},
	{"ListEulaAcceptances", "eula-acceptance", true, "yes"},
	{"GetEula AcceptEulas", "eula", true, "no"},
	{"ListStudioMembers GetStudioMember", "studio", true, "yes"},

	{"CreateStudio GetStudio UpdateStudio DeleteStudio StartStudioSSOConfigurationRepair", "studio", false, "no"},
	{"ListStudios", "", false, "no"},
	{"CreateStudioComponent ListStudioComponents", "studio", false, "no"},
	{"GetStudioComponent UpdateStudioComponent DeleteStudioComponent", "studio-component", false, "no"},
	{"CreateLaunchProfile", "studio", false, "no"},
	{"UpdateLaunchProfile DeleteLaunchProfile", "launch-profile", false, "no"},
	{"CreateStreamingImage", "studio", false, "no"},
	{"UpdateStreamingImage DeleteStreamingImage", "streaming-image", false, "no"},
	{"PutStudioMembers DeleteStudioMember", "studio", false, "no"},
	{"CreateBackup ListBackups", "streaming-session", true, "owner"},
	{"GetBackup VerifyBackup RestoreBackup ListBackupFiles GetBackupFile ExportBackup", "streaming-session-backup", true, "owner"},
	{"DeleteBackup", "streaming-session-backup", true, "no"},
	{"ImportBackup", "streaming-session", true, "no"},
	{"PutSessionShare GetSessionShare DeleteSessionShare", "streaming-session", true, "owner"},
	{"TagResource UntagResource ListTagsForResource", "streaming-session", false, "no"},
}

// userMay is what the words of the matrix mean.
var userMay = map[string]func(q studio.Question) bool{
	"yes":   func(studio.Question) bool { return true },
	"no":    func(studio.Question) bool { return false },
	"owner": func(q studio.Question) bool { return q.Resource.OwnedBy == q.Principal.ID },
	"member": func(q studio.Question) bool {
		return q.Resource.Member
	},
	"member, for nobody else": func(q studio.Question) bool {
		owner, said := q.Request["ownedBy"]
		return q.Resource.Member && (!said || owner == q.Principal.ID)
	},
	"asks for ownedBy self":     func(q studio.Question) bool { return q.Request["ownedBy"] == q.Principal.ID },
	"asks for principalId self": func(q studio.Question) bool { return q.Request["principalId"] == q.Principal.ID },
}

const self, other = "92677b4b19-e9fd012a", "92677b4b19-00000000"

// TestMatrix asks every operation in every situation.
func TestMatrix(t *testing.T) {
	t.Parallel()
	p := policies(t, "")
	operations, questions := 0, 0
	for _, row := range matrix {
		for operation := range strings.FieldsSeq(row.operations) {
			operations++
			for q := range situations(operation, row.resource) {
				questions++
				for _, caller := range []struct {
					name                  string
					account, studio, want bool
				}{
					{"account administrator", true, false, true},
					{"studio administrator", false, true, row.administrator || userMay[row.user](q)},
					{"user", false, false, userMay[row.user](q)},
				} {
					q.Principal.Administrator, q.StudioAdministrator = caller.account, caller.studio
					if got, err := p.Allowed(t.Context(), q); err != nil || got != caller.want {
						t.Errorf("%s, %+v: allowed %v, %v; want %v", caller.name, q, got, err, caller.want)
					}
				}
			}
		}
	}
	if operations != 49+13 {
		t.Errorf("the matrix has %d operations; want Nimble's 49 and our 13", operations)
	}
	t.Logf("%d operations, %d situations", operations, questions)
}

// TestJoinSession: a link is of use to members of the studio alone.
func TestJoinSession(t *testing.T) {
	t.Parallel()
	p := policies(t, "")
	for _, member := range []bool{false, true} {
		got, err := p.Allowed(t.Context(), studio.Question{
			Principal: studio.Principal{ID: self}, Action: "JoinSession", StudioMember: member,
			Resource: studio.Resource{Type: "streaming-session", ID: "s", StudioID: "st", OwnedBy: other},
		})
		if err != nil || got != member {
			t.Errorf("member %v: allowed %v, %v", member, got, err)
		}
	}
}

// situations are all that a question about an operation of one principal can be.
func situations(operation, resource string) func(yield func(studio.Question) bool) {
	return func(yield func(studio.Question) bool) {
		for bits := range 2 * 3 * 3 * 3 * 3 * 3 {
			digit := func(base int) int {
				d := bits % base
				bits /= base
				return d
			}
			person := func() string { return []string{"", self, other}[digit(3)] }
			q := studio.Question{
				Principal: studio.Principal{ID: self}, Action: operation,
				Resource: studio.Resource{Type: resource, ID: "id", StudioID: "us-west-2:stid-abcdefgh12345678", Member: digit(2) == 1},
				Request:  map[string]string{},
			}
			q.Resource.OwnedBy, q.Resource.CreatedBy = person(), person()
			for _, name := range []string{"ownedBy", "createdBy", "principalId"} {
				if who := person(); who != "" {
					q.Request[name] = who
				}
			}
			if !yield(q) {
				return
			}
		}
	}
}

func TestNobody(t *testing.T) {
	t.Parallel()
	p := policies(t, "")
	for _, q := range []studio.Question{
		{Action: "ListEulas", Resource: studio.Resource{Type: "eula"}},
		{Action: "GetStreamingSession", Resource: studio.Resource{Type: "streaming-session"}},
		{Action: "GetStudio", Resource: studio.Resource{Type: "studio"}, Principal: studio.Principal{Administrator: true}},
		{Action: "NoOperation", Resource: studio.Resource{Type: "studio"}, Principal: studio.Principal{ID: self}, StudioAdministrator: true},
	} {
		if allowed, err := p.Allowed(t.Context(), q); allowed || err != nil {
			t.Errorf("%+v: allowed %v, %v", q, allowed, err)
		}
	}
	q := studio.Question{Action: "GetStudio", Resource: studio.Resource{Type: "studios"}, Principal: studio.Principal{ID: "a", Administrator: true}}
	if allowed, err := p.Allowed(t.Context(), q); allowed || err == nil {
		t.Errorf("a type of resource that does not exist: allowed %v, %v", allowed, err)
	}
}

// TestOwnPolicies adds the operator's to those built in.
func TestOwnPolicies(t *testing.T) {
	t.Parallel()
	own := `
permit (principal == User::"92677b4b19-e9fd012a", action == Action::"GetStudio", resource)
when { resource.studioId == "us-west-2:stid-abcdefgh12345678" };

forbid (principal, action == Action::"DeleteStreamingSession", resource is StreamingSession)
when { resource.tags has keep };

forbid (principal, action == Action::"StopStreamingSession", resource)
when { resource.tags.keep == "yes" };
`
	p := policies(t, own)
	administrator := studio.Principal{ID: "administrator", Administrator: true}
	studioOf := studio.Resource{Type: "studio", ID: "s", StudioID: "us-west-2:stid-abcdefgh12345678"}
	session := studio.Resource{Type: "streaming-session", ID: "x", OwnedBy: self}
	kept := session
	kept.Tags = map[string]string{"keep": ""}
	for _, test := range []struct {
		question studio.Question
		want     bool
		fails    bool
	}{
		{studio.Question{Principal: studio.Principal{ID: self}, Action: "GetStudio", Resource: studioOf}, true, false},
		{studio.Question{Principal: studio.Principal{ID: other}, Action: "GetStudio", Resource: studioOf}, false, false},
		{studio.Question{Principal: studio.Principal{ID: self}, Action: "GetStudio", Resource: studio.Resource{Type: "studio"}}, false, false},
		{studio.Question{Principal: administrator, Action: "DeleteStreamingSession", Resource: session}, true, false},
		{studio.Question{Principal: administrator, Action: "DeleteStreamingSession", Resource: kept}, false, false},
		{studio.Question{Principal: administrator, Action: "StopStreamingSession", Resource: kept}, true, false},
		{studio.Question{Principal: administrator, Action: "StopStreamingSession", Resource: session}, false, true},
	} {
		got, err := p.Allowed(t.Context(), test.question)
		if got != test.want || (err != nil) != test.fails {
			t.Errorf("%+v: allowed %v, %v; want %v", test.question, got, err, test.want)
		}
	}
}

func TestBadPolicies(t *testing.T) {
	t.Parallel()
	dir := write(t, "permit (principal, action, resource);\npermit (nobody);\n")
	if _, err := access.New(access.Config{Dir: dir}); err == nil || !strings.Contains(err.Error(), "own.cedar") || !strings.Contains(err.Error(), ":2:") {
		t.Errorf("error %v; want one that names file and line", err)
	}
	if _, err := access.New(access.Config{Dir: filepath.Join(dir, "missing")}); err == nil {
		t.Error("took a directory that is not there")
	}
}

func policies(t testing.TB, own string) *access.Policies {
	t.Helper()
	cfg := access.Config{}
	if own != "" {
		cfg.Dir = write(t, own)
	}
	p, err := access.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func write(t testing.TB, text string) (dir string) {
	t.Helper()
	dir = t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "own.cedar"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return dir
}

func BenchmarkAllowed(b *testing.B) {
	p := policies(b, "")
	for _, caller := range []studio.Question{
		{Principal: studio.Principal{ID: "administrator", Administrator: true}},
		{Principal: studio.Principal{ID: self}, StudioAdministrator: true},
		{Principal: studio.Principal{ID: self}},
	} {
		caller.Action = "GetStreamingSession"
		caller.Resource = studio.Resource{
			Type: "streaming-session", ID: "us-west-2:stid-abcdefgh12345678.0123456789012345678901", StudioID: "us-west-2:stid-abcdefgh12345678",
			OwnedBy: self, CreatedBy: self, Tags: map[string]string{"project": "p", "shot": "s"},
		}
		b.Run(fmt.Sprintf("account %v, studio %v", caller.Principal.Administrator, caller.StudioAdministrator), func(b *testing.B) {
			for b.Loop() {
				if ok, err := p.Allowed(b.Context(), caller); !ok || err != nil {
					b.Fatal(ok, err)
				}
			}
		})
	}
}

// TestTags holds everybody to the operator's rules of tags.
func TestTags(t *testing.T) {
	t.Parallel()
	p := policies(t, `
		forbid (principal, action == Action::"CreateStudioComponent", resource) unless { context has tags && context.tags has project };
		forbid (principal, action in [Action::"TagResource", Action::"UntagResource"], resource)
		when { context has tagKeys && context.tagKeys.contains("locked") };
		forbid (principal, action == Action::"DeleteStudioComponent", resource) when { resource.tags has keep };`)
	for name, tt := range map[string]struct {
		q    studio.Question
		want bool
	}{
		"create with":       {studio.Question{Action: "CreateStudioComponent", Tags: map[string]string{"project": "x"}}, true},
		"create with other": {studio.Question{Action: "CreateStudioComponent", Tags: map[string]string{"other": "x"}}, false},
		"create without":    {studio.Question{Action: "CreateStudioComponent"}, false},
		"tag":               {studio.Question{Action: "TagResource", Tags: map[string]string{"free": "x"}}, true},
		"tag what is not":   {studio.Question{Action: "TagResource", Tags: map[string]string{"free": "x", "locked": ""}}, false},
		"untag":             {studio.Question{Action: "UntagResource", TagKeys: []string{"free"}}, true},
		"untag what is not": {studio.Question{Action: "UntagResource", TagKeys: []string{"locked"}}, false},
		"delete":            {studio.Question{Action: "DeleteStudioComponent"}, true},
		"delete what stays": {studio.Question{Action: "DeleteStudioComponent", Resource: studio.Resource{Tags: map[string]string{"keep": ""}}}, false},
	} {
		tt.q.Principal = studio.Principal{ID: "administrator", Administrator: true}
		got, err := p.Allowed(t.Context(), tt.q)
		if err != nil || got != tt.want {
			t.Errorf("%s: %t, %v", name, got, err)
		}
	}
}
