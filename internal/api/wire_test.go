package api_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"

	"github.com/backlot/backlot/internal/api"
	"github.com/backlot/backlot/internal/studio"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// TestWire sends each request of testdata/wire as it stands there (signed on the
// way, unless the comment says unsigned) and compares what reaches the operation
// and what is answered. The operation answers with the section "error", if there
// is one, or with every member set where the comment says full.
func TestWire(t *testing.T) {
	t.Parallel()
	names, err := filepath.Glob("testdata/wire/*.txtar")
	if err != nil || len(names) == 0 {
		t.Fatalf("no golden files: %v", err)
	}
	for _, name := range names {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".txtar"), func(t *testing.T) {
			t.Parallel()
			archive, err := txtar.ParseFile(name)
			if err != nil {
				t.Fatal(err)
			}
			sections := map[string]string{}
			for _, f := range archive.Files {
				sections[f.Name] = string(f.Data)
			}
			f := setup(t)
			f.reply = replyFor(t, sections["error"], strings.Contains(string(archive.Comment), "full"))
			r := wireRequest(t, sections["request"], !strings.Contains(string(archive.Comment), "unsigned"))
			reached, answer := "", dumpAnswer(t, f.do(r))
			for _, row := range api.Table() {
				for _, c := range f.taken(row.Name) {
					reached += dumpCall(t, c)
				}
			}
			got := map[string]string{"reached": reached, "answer": answer}
			if *update {
				writeGolden(t, name, archive, got)
				return
			}
			for section, text := range got {
				if diff := cmp.Diff(sections[section], text); diff != "" {
					t.Errorf("%s (-want +got):\n%s", section, diff)
				}
			}
		})
	}
}

// replyFor answers with the error that is described, or with a full or empty answer.
func replyFor(t *testing.T, described string, full bool) func(call) (any, error) {
	t.Helper()
	answers := map[string]reflect.Value{}
	for _, row := range api.Table() {
		answers[row.Name] = reflect.New(row.Out)
		if full {
			answers[row.Name].Elem().Set(sample(row.Out, "", ""))
		}
	}
	return func(c call) (any, error) {
		switch {
		case described == "":
			return answers[c.op].Interface(), nil
		case !strings.HasPrefix(described, "{"):
			return nil, errors.New(strings.TrimSpace(described))
		}
		e := &studio.Error{}
		if err := json.Unmarshal([]byte(described), e); err != nil {
			t.Error(err)
		}
		return nil, fmt.Errorf("wrapped: %w", e)
	}
}

// wireRequest reads a request from its text; the body is what follows the blank
// line, without the last line's end.
func wireRequest(t *testing.T, text string, signed bool) *http.Request {
	t.Helper()
	head, body, _ := strings.Cut(text, "\n\n")
	body = strings.TrimSuffix(body, "\n")
	r, err := http.ReadRequest(bufio.NewReader(strings.NewReader(strings.TrimSpace(head) + "\n\n")))
	if err != nil {
		t.Fatal(err)
	}
	r.Body, r.ContentLength = io.NopCloser(strings.NewReader(body)), int64(len(body))
	if signed {
		sign(t, r, []byte(body), time.Now())
	}
	return r.WithContext(t.Context())
}

// dumpAnswer is an answer as text, without what differs each time.
func dumpAnswer(t *testing.T, w *httptest.ResponseRecorder) string {
	t.Helper()
	var b strings.Builder
	fmt.Fprintln(&b, w.Code)
	var lines []string
	for name, values := range w.Header() {
		if name == "X-Amzn-Requestid" {
			values = []string{"(a UUID)"}
		}
		lines = append(lines, name+": "+strings.Join(values, " | "))
	}
	slices.Sort(lines)
	fmt.Fprintln(&b, strings.Join(lines, "\n"))
	if w.Body.Len() > 0 {
		var pretty bytes.Buffer
		if err := json.Indent(&pretty, w.Body.Bytes(), "", "  "); err != nil {
			t.Errorf("%q: %v", w.Body, err)
		}
		fmt.Fprintf(&b, "\n%s\n", pretty.String())
	}
	return b.String()
}

// dumpCall lists the members of a request that have a value.
func dumpCall(t *testing.T, c call) string {
	t.Helper()
	var b strings.Builder
	fmt.Fprintln(&b, c.op)
	v := reflect.ValueOf(c.in).Elem()
	for i := range v.NumField() {
		if v.Field(i).IsZero() {
			continue
		}
		text, err := json.Marshal(v.Field(i).Interface())
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&b, "%s: %s\n", v.Type().Field(i).Name, text)
	}
	return b.String()
}

func writeGolden(t *testing.T, name string, archive *txtar.Archive, got map[string]string) {
	t.Helper()
	archive.Files = slices.DeleteFunc(archive.Files, func(f txtar.File) bool { return f.Name == "reached" || f.Name == "answer" })
	for _, section := range []string{"reached", "answer"} {
		if got[section] != "" {
			archive.Files = append(archive.Files, txtar.File{Name: section, Data: []byte(got[section])})
		}
	}
	if err := os.WriteFile(name, txtar.Format(archive), 0o644); err != nil {
		t.Fatal(err)
	}
}
