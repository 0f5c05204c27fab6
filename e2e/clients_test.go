package e2e_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go/aws"
	"github.com/aws/aws-sdk-go/aws/awserr"
	"github.com/aws/aws-sdk-go/service/nimblestudio"
)

// TestClients has one server used by every client that people have, straight and
// through nginx.
func TestClients(t *testing.T) {
	t.Parallel()
	s := newServerWith(t, "testdata/catalogue.yaml")
	proxied := s.behindNginx()
	for _, at := range []struct{ how, url string }{{"straight", s.env["AWS_ENDPOINT_URL"]}, {"nginx", proxied}} {
		t.Run("go/"+at.how, func(t *testing.T) {
			t.Parallel()
			goRound(t, s, at.url, at.how)
		})
		t.Run("javascript/"+at.how, func(t *testing.T) {
			t.Parallel()
			runClient(t, s, at.url, jsClient(t), "node", "round.mjs", at.how)
		})
		t.Run("curl/"+at.how, func(t *testing.T) {
			t.Parallel()
			runClient(t, s, at.url, "testdata", "sh", "curl.sh")
		})
	}
	t.Run("boto3", func(t *testing.T) {
		t.Parallel()
		botoModel(t, s)
	})
	t.Run("awscli", func(t *testing.T) {
		t.Parallel()
		if _, err := os.Stat(debianAWS); err != nil {
			t.Skipf("needs awscli: %v", err)
		}
		usesAll(t, s, "testdata/aws.sh")
		for part, url := range map[string]string{"studio": proxied, "catalogue": proxied, "session": s.env["AWS_ENDPOINT_URL"]} {
			t.Run(part, func(t *testing.T) {
				t.Parallel()
				runClient(t, s, url, "testdata", "sh", "aws.sh", part)
			})
		}
	})
}

// runClient runs a client's script in a folder, with the administrator's keys and
// all that dev.env says.
func runClient(t *testing.T, s *server, url, dir, name string, args ...string) {
	t.Helper()
	script := exec.CommandContext(t.Context(), name, args...)
	script.Dir = dir
	script.Env = clientEnv(t, s, url)
	if out, err := script.CombinedOutput(); err != nil {
		t.Errorf("%s %v: %v\n%s", name, args, err, out)
	}
}

func clientEnv(t *testing.T, s *server, url string) []string {
	env := []string{"PATH=/usr/bin:/bin", "HOME=" + t.TempDir(), "AWS_PAGER=", "AWS_EC2_METADATA_DISABLED=true", "LC_ALL=C.UTF-8"}
	for name, value := range s.env {
		env = append(env, name+"="+value)
	}
	return append(env, "AWS_ENDPOINT_URL="+url)
}

// usesAll checks that a script has every operation and every waiter in it.
func usesAll(t *testing.T, s *server, file string) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	words := map[string]bool{}
	for _, word := range regexp.MustCompile(`[a-z-]+`).FindAllString(string(text), -1) {
		words[strings.ReplaceAll(word, "-", "")] = true
	}
	var waiters struct{ Waiters map[string]any }
	fetchJSON(t, s.env["AWS_ENDPOINT_URL"]+"/sdk/botocore/nimble/2020-08-01/waiters-2.json", &waiters)
	var service struct{ Operations map[string]any }
	fetchJSON(t, s.env["AWS_ENDPOINT_URL"]+"/sdk/botocore/nimble/2020-08-01/service-2.json", &service)
	if len(waiters.Waiters) != 12 || len(service.Operations) != 49 {
		t.Errorf("%d waiters, %d operations", len(waiters.Waiters), len(service.Operations))
	}
	for _, names := range []map[string]any{waiters.Waiters, service.Operations} {
		for name := range names {
			if !words[strings.ToLower(name)] {
				t.Errorf("%s does not use %s", file, name)
			}
		}
	}
}

// fetchJSON reads a JSON document that anybody may have.
func fetchJSON(t *testing.T, url string, into any) {
	t.Helper()
	answer, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = answer.Body.Close() }()
	text, err := io.ReadAll(answer.Body)
	if err == nil && answer.StatusCode == http.StatusOK {
		err = json.Unmarshal(text, into)
	}
	if err != nil || answer.StatusCode != http.StatusOK {
		t.Fatalf("%s: %s %v", url, answer.Status, err)
	}
}

// botoModel runs all of boto3's paginators and waiters with the model that
// Backlot writes. Debian's own copy is hidden under an empty file system.
func botoModel(t *testing.T, s *server) {
	const own = "/usr/lib/python3/dist-packages/botocore/data/nimble"
	if _, err := os.Stat(filepath.Dir(own)); err != nil {
		t.Skipf("needs python3-boto3: %v", err)
	}
	model := t.TempDir()
	if out, err := s.backlot("sdk", "boto", "--dir", model); err != nil {
		t.Fatalf("backlot sdk boto: %v\n%s", err, out)
	}
	hide := "[ ! -d " + own + " ] || mount -t tmpfs none " + own + "; AWS_DATA_PATH=" + model + " exec /usr/bin/python3 model.py"
	runClient(t, s, s.env["AWS_ENDPOINT_URL"], "testdata", "unshare", "--mount", "sh", "-euc", hide)
}

// jsClient is a folder with round.mjs and the SDK for JavaScript, which is
// installed once and kept in the user's cache.
func jsClient(t *testing.T) string {
	t.Helper()
	for _, program := range []string{"node", "npm"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Skipf("needs %s: %v", program, err)
		}
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Skipf("needs a cache for the SDK: %v", err)
	}
	install := exec.CommandContext(t.Context(), "sh", "testdata/js/install.sh", filepath.Join(cache, "backlot-e2e"))
	var said bytes.Buffer // npm warns of what it is told
	install.Stderr = &said
	out, err := install.Output()
	if err != nil {
		t.Skipf("needs the npm registry: %v\n%s", err, &said)
	}
	return strings.TrimSpace(string(out))
}

// goRound is what a pipeline in Go does.
func goRound(t *testing.T, s *server, url, name string) {
	client, studio := s.apiAt(url, false), s.env["BACKLOT_STUDIO_ID"]
	ctx := t.Context()
	check := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	made, err := client.CreateStudioComponentWithContext(ctx, &nimblestudio.CreateStudioComponentInput{
		StudioId: &studio, Name: new("Go " + name), Type: new("LICENSE_SERVICE"),
		Configuration: &nimblestudio.StudioComponentConfiguration{
			LicenseServiceConfiguration: &nimblestudio.LicenseServiceConfiguration{Endpoint: new("licences.example")},
		},
	})
	check(err)
	arn := made.StudioComponent.Arn
	get := &nimblestudio.GetStudioComponentInput{StudioId: &studio, StudioComponentId: made.StudioComponent.StudioComponentId}
	check(client.WaitUntilStudioComponentReadyWithContext(ctx, get))
	got, err := client.GetStudioComponentWithContext(ctx, get)
	check(err)
	if at := aws.TimeValue(got.StudioComponent.CreatedAt); time.Since(at) > time.Hour {
		t.Errorf("created at %v", at)
	}
	_, err = client.TagResourceWithContext(ctx, &nimblestudio.TagResourceInput{ResourceArn: arn, Tags: map[string]*string{"a b": new("ü/+&="), "c": new("d")}})
	check(err)
	_, err = client.UntagResourceWithContext(ctx, &nimblestudio.UntagResourceInput{ResourceArn: arn, TagKeys: []*string{new("c")}})
	check(err)
	tags, err := client.ListTagsForResourceWithContext(ctx, &nimblestudio.ListTagsForResourceInput{ResourceArn: arn})
	check(err)
	if len(tags.Tags) != 1 || aws.StringValue(tags.Tags["a b"]) != "ü/+&=" {
		t.Errorf("tags: %v", tags)
	}
	pages, found := 0, 0
	check(client.ListStudioComponentsPagesWithContext(ctx, &nimblestudio.ListStudioComponentsInput{StudioId: &studio, MaxResults: new(int64(1))},
		func(page *nimblestudio.ListStudioComponentsOutput, _ bool) bool {
			pages, found = pages+1, found+len(page.StudioComponents)
			return true
		}))
	if pages < 2 || found < 2 {
		t.Errorf("%d components on %d pages", found, pages)
	}
	_, err = client.GetStreamingImageWithContext(ctx, &nimblestudio.GetStreamingImageInput{StudioId: &studio, StreamingImageId: new("nothing")})
	if refused, ok := err.(awserr.RequestFailure); !ok || refused.StatusCode() != http.StatusNotFound || len(refused.RequestID()) != 36 { //nolint:errorlint // the SDK returns it so
		t.Errorf("an image that is not there: %v", err)
	}
	_, err = client.DeleteStudioComponentWithContext(ctx, &nimblestudio.DeleteStudioComponentInput{StudioId: &studio, StudioComponentId: get.StudioComponentId})
	check(err)
	check(client.WaitUntilStudioComponentDeletedWithContext(ctx, get))
}
