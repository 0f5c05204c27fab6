package desktop_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/backlot/backlot/internal/workstation/desktop"
)

// uploads is a directory that takes files.
type uploads struct {
	*desktop.Upload
	t    *testing.T
	next int
}

func newUploads(t *testing.T) *uploads {
	t.Helper()
	return &uploads{Upload: &desktop.Upload{Root: filepath.Join(t.TempDir(), "home", "Uploads"), Limit: 1 << 40}, t: t}
}

func (u *uploads) id() string {
	u.next++
	return fmt.Sprintf("%032x", u.next)
}

func (u *uploads) ask(method, what string, q url.Values, body io.Reader) desktop.Uploaded {
	u.t.Helper()
	w := httptest.NewRecorder()
	u.ServeHTTP(w, httptest.NewRequest(method, what+"?"+q.Encode(), body))
	var answer desktop.Uploaded
	if err := json.Unmarshal(w.Body.Bytes(), &answer); err != nil {
		u.t.Fatalf("%s %s: %d %s", method, what, w.Code, w.Body)
	}
	if ok := w.Code == http.StatusOK; ok != (answer.Problem == "") {
		u.t.Errorf("%d with %+v", w.Code, answer)
	}
	return answer
}

func (u *uploads) send(method, id, path string, size, offset int, body string) desktop.Uploaded {
	u.t.Helper()
	q := url.Values{"id": {id}, "path": {path}, "size": {fmt.Sprint(size)}, "offset": {fmt.Sprint(offset)}}
	return u.ask(method, "/file", q, strings.NewReader(body))
}

func (u *uploads) whole(path, text string) desktop.Uploaded {
	u.t.Helper()
	return u.send(http.MethodPut, u.id(), path, len(text), 0, text)
}

// there lists what is below the directory above the root.
func (u *uploads) there() map[string]string {
	all := map[string]string{}
	top := filepath.Dir(filepath.Dir(u.Root))
	err := filepath.WalkDir(top, func(path string, e os.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		rel, _ := filepath.Rel(top, path)
		all[rel] = string(text)
		return err
	})
	if err != nil {
		u.t.Error(err)
	}
	return all
}

func TestUploadKeepsToItsRoot(t *testing.T) {
	t.Parallel()
	u := newUploads(t)
	for path, want := range map[string]string{
		"../../etc/passwd":                "etc/passwd",
		"/etc/shadow":                     "etc/shadow",
		"a/./b//../c.txt":                 "a/b/c.txt",
		"nul\x00byte\n.txt":               "nul_byte_.txt",
		`..\..\windows\system32`:          `.._.._windows_system32`,
		"\u202egpj.exe":                   "gpj.exe",
		"not\xffutf8":                     "not_utf8",
		strings.Repeat("é", 300):          strings.Repeat("é", 115),
		strings.Repeat("x", 999) + ".exr": strings.Repeat("x", 226) + ".exr",
	} {
		if got := u.whole(path, "x"); !got.Done || got.Name != want {
			t.Errorf("%q: %+v, want the name %q", path, got, want)
		}
	}
	for _, path := range []string{"", "/", "..", "../..", "./.", strings.Repeat("a/", 100) + "b"} {
		if got := u.whole(path, "x"); got.Problem != desktop.ProblemName {
			t.Errorf("%q: %+v", path, got)
		}
	}
	for path := range u.there() {
		if !strings.HasPrefix(path, "home/Uploads/") {
			t.Errorf("outside: %s", path)
		}
	}
}

func TestUploadOverwritesNothing(t *testing.T) {
	t.Parallel()
	u := newUploads(t)
	for _, text := range []string{"one", "two", "three"} {
		u.whole("shot/render.exr", text)
		u.whole("a.tar.gz", text)
		u.whole(".profile", text)
	}
	want := map[string]string{
		"home/Uploads/shot/render.exr": "one", "home/Uploads/shot/render (2).exr": "two", "home/Uploads/shot/render (3).exr": "three",
		"home/Uploads/a.tar.gz": "one", "home/Uploads/a (2).tar.gz": "two", "home/Uploads/a (3).tar.gz": "three",
		"home/Uploads/.profile": "one", "home/Uploads/.profile (2)": "two", "home/Uploads/.profile (3)": "three",
	}
	if diff := cmp.Diff(want, u.there()); diff != "" {
		t.Error(diff)
	}
}

func TestUploadGoesOnWhereItWasCut(t *testing.T) {
	t.Parallel()
	u := newUploads(t)
	id := u.id()
	if got := u.send(http.MethodGet, id, "a", 6, 0, ""); got != (desktop.Uploaded{}) {
		t.Errorf("of nothing: %+v", got)
	}
	if got := u.send(http.MethodPut, id, "a", 6, 0, "abc"); got != (desktop.Uploaded{Offset: 3}) {
		t.Errorf("of a part: %+v", got)
	}
	if u.there()["home/Uploads/a"] != "" {
		t.Error("a file that is not whole has its name")
	}
	if got := u.send(http.MethodPut, id, "a", 6, 1, "bcd"); got != (desktop.Uploaded{Offset: 3, Problem: desktop.ProblemOffset}) {
		t.Errorf("of what does not follow: %+v", got)
	}
	if got := u.send(http.MethodGet, id, "a", 6, 0, ""); got != (desktop.Uploaded{Offset: 3}) {
		t.Errorf("asked: %+v", got)
	}
	again := desktop.Uploaded{Offset: 6, Done: true, Name: "a"}
	if got := u.send(http.MethodPut, id, "a", 6, 3, "defgh"); got != again { // what is too much is not taken
		t.Errorf("the rest: %+v", got)
	}
	if got := u.send(http.MethodGet, id, "a", 6, 0, ""); got != again {
		t.Errorf("asked once it was done: %+v", got)
	}
	if diff := cmp.Diff(map[string]string{"home/Uploads/a": "abcdef"}, u.there()); diff != "" {
		t.Error(diff)
	}
}

func TestUploadIsGivenUp(t *testing.T) {
	t.Parallel()
	u := newUploads(t)
	id := u.id()
	u.send(http.MethodPut, id, "a", 6, 0, "abc")
	if got := u.send(http.MethodDelete, id, "a", 6, 0, ""); got != (desktop.Uploaded{}) {
		t.Errorf("%+v", got)
	}
	if left := u.there(); len(left) != 0 {
		t.Errorf("left: %v", left)
	}
}

func TestUploadIsNotLedAway(t *testing.T) {
	t.Parallel()
	u := newUploads(t)
	elsewhere := t.TempDir()
	if err := os.MkdirAll(u.Root, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(elsewhere, filepath.Join(u.Root, "link")); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(elsewhere, "mine"), []byte("mine"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(filepath.Join(elsewhere, "mine"), filepath.Join(u.Root, "mine")); err != nil {
		t.Fatal(err)
	}
	if got := u.whole("link/file", "x"); got.Problem != desktop.ProblemBlocked {
		t.Errorf("through a link: %+v", got)
	}
	if got := u.whole("mine", "x"); got.Name != "mine (2)" {
		t.Errorf("onto a link: %+v", got)
	}
	id := u.id()
	if err := os.Symlink(filepath.Join(elsewhere, "mine"), filepath.Join(u.Root, ".backlot-"+id+".part")); err != nil {
		t.Fatal(err)
	}
	if got := u.send(http.MethodPut, id, "x", 1, 0, "x"); got.Problem != desktop.ProblemBlocked {
		t.Errorf("through a link where the part lies: %+v", got)
	}
	entries, err := os.ReadDir(elsewhere)
	if err != nil || len(entries) != 1 {
		t.Errorf("elsewhere: %v, %v", entries, err)
	}
	if text, _ := os.ReadFile(filepath.Join(elsewhere, "mine")); string(text) != "mine" {
		t.Errorf("written through a link: %q", text)
	}
}

func TestUploadOfFolders(t *testing.T) {
	t.Parallel()
	u := newUploads(t)
	if got := u.ask(http.MethodPut, "/folder", url.Values{"path": {"shot/../empty"}}, nil); !got.Done || got.Name != "shot/empty" {
		t.Errorf("%+v", got)
	}
	if fi, err := os.Stat(filepath.Join(u.Root, "shot", "empty")); err != nil || !fi.IsDir() {
		t.Error(err)
	}
	if got := u.whole("shot/empty/none", ""); !got.Done {
		t.Errorf("a file of nothing: %+v", got)
	}
	if got := u.whole("shot/empty/none/file", "x"); got.Problem != desktop.ProblemBlocked {
		t.Errorf("a file as folder: %+v", got)
	}
}

func TestUploadHasLimits(t *testing.T) {
	t.Parallel()
	u := newUploads(t)
	u.Limit = 10
	if got := u.whole("large", "12345678901"); got.Problem != desktop.ProblemLarge {
		t.Errorf("%+v", got)
	}
	u.Limit = 0
	if got := u.send(http.MethodPut, u.id(), "huge", 1<<60, 0, ""); got.Problem != desktop.ProblemFull {
		t.Errorf("%+v", got)
	}
	if all := u.there(); len(all) != 0 {
		t.Errorf("left: %v", all)
	}
}

func TestUploadSweepsWhatIsStale(t *testing.T) {
	t.Parallel()
	u := newUploads(t)
	old := filepath.Join(u.Root, ".backlot-"+strings.Repeat("a", 32)+".part")
	if err := os.MkdirAll(u.Root, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(old, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	then := time.Now().Add(-25 * time.Hour)
	if err := os.Chtimes(old, then, then); err != nil {
		t.Fatal(err)
	}
	u.whole("a", "x")
	if _, err := os.Lstat(old); err == nil {
		t.Error("a part of yesterday is still there")
	}
}

func FuzzUpload(f *testing.F) {
	f.Add("/file?id=0123456789abcdef0123456789abcdef&path=../a&size=3&offset=0", []byte("abc"))
	f.Add("/folder?path=%2e%2e/%00", []byte(nil))
	f.Fuzz(func(t *testing.T, target string, body []byte) {
		at, err := url.Parse(target)
		if err != nil {
			return
		}
		dir := t.TempDir()
		u := &desktop.Upload{Root: filepath.Join(dir, "a", "root")}
		r := httptest.NewRequest(http.MethodPut, "/", bytes.NewReader(body))
		r.URL = at
		u.ServeHTTP(httptest.NewRecorder(), r)
		for _, d := range []string{dir, filepath.Join(dir, "a")} {
			if entries, _ := os.ReadDir(d); len(entries) > 1 {
				t.Errorf("outside: %v", entries)
			}
		}
	})
}
