package api_test

import (
	"bytes"
	"encoding/json"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/backlot/backlot/internal/api"
	"github.com/backlot/backlot/internal/studio"
)

// The clients that Debian ships.
const (
	awsCLI  = "/usr/bin/aws"
	python  = "/usr/bin/python3"
	curlBin = "/usr/bin/curl"
	// debianModels are awscli's client models.
	debianModels = "/usr/lib/python3/dist-packages/awscli/botocore/data"
)

// run runs a client with the administrator's keys, or skips when it is not installed.
func run(t *testing.T, env []string, name string, args ...string) []byte {
	t.Helper()
	if _, err := os.Stat(name); err != nil {
		t.Skipf("%s is not installed", name)
	}
	cmd := exec.CommandContext(t.Context(), name, args...)
	cmd.Env = append([]string{
		"PATH=/usr/bin:/bin", "HOME=" + t.TempDir(), "AWS_ACCESS_KEY_ID=" + keyID, "AWS_SECRET_ACCESS_KEY=" + secret,
		"AWS_DEFAULT_REGION=" + region, "AWS_MAX_ATTEMPTS=1", "AWS_EC2_METADATA_DISABLED=true", "LC_ALL=C.UTF-8",
	}, env...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s %q: %v\n%s%s", name, args, err, stderr.String(), out)
	}
	return out
}

// serveSamples is a server whose operations answer with every member set.
func serveSamples(t *testing.T) (*fixture, string) {
	t.Helper()
	f := setup(t)
	answers := map[string]any{}
	for _, row := range api.Table() {
		answers[row.Name] = sampleOut(row)
	}
	f.reply = func(c call) (any, error) { return answers[c.op], nil }
	server := httptest.NewServer(f)
	t.Cleanup(server.Close)
	return f, server.URL
}

func TestAWSCLI(t *testing.T) {
	t.Parallel()
	f, url := serveSamples(t)
	for op, args := range map[string][]string{
		"GetStudio":   {"get-studio", "--studio-id", studioID},
		"TagResource": {"tag-resource", "--resource-arn", texts["resourceArn"], "--tags", "a=b c"},
		"StopStreamingSession": {
			"stop-streaming-session", "--studio-id", studioID, "--session-id", texts["sessionId"], "--volume-retention-mode", "RETAIN",
		},
		"ListStreamingSessions": {"list-streaming-sessions", "--studio-id", studioID, "--owned-by", free, "--no-paginate"},
	} {
		t.Run(op, func(t *testing.T) {
			t.Parallel()
			run(t, nil, awsCLI, append([]string{"--endpoint-url", url, "nimble"}, args...)...)
			if calls := f.taken(op); len(calls) != 1 || calls[0].who != administrator {
				t.Errorf("arrived: %+v", calls)
			}
		})
	}
}

// TestBoto3 sends every operation from boto3, with the client model that Debian's
// awscli has (boto3's own is too old) and with the one made from our table.
func TestBoto3(t *testing.T) {
	t.Parallel()
	ours := t.TempDir()
	files, err := api.Botocore()
	if err != nil {
		t.Fatal(err)
	}
	for name, content := range files {
		path := filepath.Join(ours, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, content, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for model, dir := range map[string]string{"awscli's": debianModels, "ours": ours} {
		t.Run(model, func(t *testing.T) {
			t.Parallel()
			f, url := serveSamples(t)
			inputs := map[string]any{}
			for _, row := range api.Table() {
				inputs[row.Name] = parameters(t, narrow(sample(row.In, "", "")))
			}
			text, err := json.Marshal(inputs)
			if err != nil {
				t.Fatal(err)
			}
			out := run(t, []string{"AWS_DATA_PATH=" + dir, "ENDPOINT=" + url, "INPUTS=" + string(text)}, python, "testdata/every.py")
			var answers map[string]any
			if err := json.Unmarshal(out, &answers); err != nil {
				t.Fatalf("%v: %s", err, out)
			}
			for _, row := range api.Table() {
				want := parseModel(t, api.Encode(sampleOut(row)))
				if diff := cmp.Diff(want, answers[row.Name]); diff != "" {
					t.Errorf("%s came back (-answered +came):\n%s", row.Name, diff)
				}
				calls := f.taken(row.Name)
				if len(calls) != 1 {
					t.Errorf("%s arrived %d times", row.Name, len(calls))
					continue
				}
				if diff := cmp.Diff(inputs[row.Name], parameters(t, reflect.ValueOf(calls[0].in).Elem())); diff != "" {
					t.Errorf("%s arrived (-sent +arrived):\n%s", row.Name, diff)
				}
			}
		})
	}
}

// narrow leaves one member of each union in a sample: Python's clients insist.
func narrow(v reflect.Value) reflect.Value {
	switch v.Kind() {
	case reflect.Pointer:
		narrow(v.Elem())
	case reflect.Slice:
		for i := range v.Len() {
			narrow(v.Index(i))
		}
	case reflect.Struct:
		if union, ok := v.Addr().Interface().(*studio.StudioComponentConfiguration); ok {
			*union = studio.StudioComponentConfiguration{SharedFileSystemConfiguration: union.SharedFileSystemConfiguration}
		}
		if v.Type() != reflect.TypeFor[time.Time]() {
			for _, f := range v.Fields() {
				narrow(f)
			}
		}
	default:
	}
	return v
}

func sampleOut(row api.Row) any {
	out := reflect.New(row.Out)
	out.Elem().Set(narrow(sample(row.Out, "", "")))
	return out.Interface()
}

// parameters are the members of a request by name.
func parameters(t *testing.T, in reflect.Value) map[string]any {
	t.Helper()
	p := map[string]any{}
	for i := range in.NumField() {
		name := nameOf(in.Type().Field(i))
		if name == "X-Amz-Client-Token" {
			name = "clientToken"
		}
		text, err := json.Marshal(in.Field(i).Interface())
		if err != nil {
			t.Fatal(err)
		}
		var v any
		if err := json.Unmarshal(text, &v); err != nil {
			t.Fatal(err)
		}
		p[name] = v
	}
	return p
}

func TestCurl(t *testing.T) {
	t.Parallel()
	f, url := serveSamples(t)
	sigv4 := []string{"--fail-with-body", "-sS", "--aws-sigv4", "aws:amz:us-west-2:nimble", "--user", keyID + ":" + secret}
	for op, args := range map[string][]string{
		"ListStudios":           {url + "/2020-08-01/studios"},
		"GetStudio":             {url + aStudio},
		"ListStreamingSessions": {url + aStudio + "/streaming-sessions?createdBy=a&ownedBy=x"},
		"StopStreamingSession":  {"-X", "POST", url + aStudio + "/streaming-sessions/s/stop"},
		"UpdateStudio":          {"-X", "PATCH", "-H", "Content-Type: application/json", "--data", `{"displayName":"x"}`, url + aStudio},
	} {
		t.Run(op, func(t *testing.T) {
			t.Parallel()
			run(t, nil, curlBin, append(sigv4, args...)...)
			if calls := f.taken(op); len(calls) != 1 {
				t.Errorf("arrived: %+v", calls)
			}
		})
	}
}
