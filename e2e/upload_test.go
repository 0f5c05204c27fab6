package e2e_test

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go/service/nimblestudio"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
)

// randomFile writes a file that nothing can guess, and returns its sum.
func randomFile(t *testing.T, path string, size int64) string {
	t.Helper()
	block, err := aes.NewCipher(make([]byte, 16))
	if err != nil {
		t.Fatal(err)
	}
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	sum := sha256.New()
	stream := cipher.StreamReader{S: cipher.NewCTR(block, make([]byte, 16)), R: io.LimitReader(zeros{}, size)}
	if _, err := io.Copy(io.MultiWriter(f, sum), stream); err != nil {
		t.Fatal(err)
	}
	return hex.EncodeToString(sum.Sum(nil))
}

type zeros struct{}

func (zeros) Read(b []byte) (int, error) {
	clear(b)
	return len(b), nil
}

// drop drops files and folders of this machine on the page.
func (b browser) drop(paths ...string) {
	b.t.Helper()
	b.bring(paths, input.DragEnter, input.DragOver, input.Drop)
}

func (b browser) bring(paths []string, kinds ...input.DispatchDragEventType) {
	b.t.Helper()
	data := &input.DragData{Files: paths, DragOperationsMask: 1, Items: []*input.DragDataItem{}}
	for _, kind := range kinds {
		b.run(input.DispatchDragEvent(kind, 400, 300, data))
	}
}

// says waits until the page says something about uploads.
func (b browser) says(within time.Duration, words string) {
	b.t.Helper()
	eventually(b.t, within, func() error {
		var said string
		if err := b.eval(`document.querySelector(".upload").hidden ? "" : document.querySelector(".upload p").textContent`, &said); err != nil {
			return err
		}
		if !strings.Contains(said, words) {
			return fmt.Errorf("the page says %q, not %q", said, words)
		}
		return nil
	})
}

func (s *server) sum(file string) string {
	s.t.Helper()
	out, _, _ := strings.Cut(s.inHome("sha256sum '"+file+"'"), " ")
	return out
}

// memory is what a process holds by itself now, in MiB.
func memory(t *testing.T, pid int) int {
	t.Helper()
	for _, line := range lines(t, fmt.Sprintf("/proc/%d/status", pid)) {
		if name, value, _ := strings.Cut(line, ":"); name == "RssAnon" {
			kib, _ := strconv.Atoi(strings.Fields(value)[0])
			return kib >> 10
		}
	}
	return 0
}

// TestUpload sends files of all kinds to a desktop.
func TestUpload(t *testing.T) {
	s := newServer(t)
	session, b := s.openDesktop()
	defer session.delete()
	from := t.TempDir()

	t.Run("files and folders", func(t *testing.T) {
		for name, text := range map[string]string{"a.txt": "one", "shot/render.exr": "two", "shot/deep/down/x": "three", "nothing": ""} {
			file := filepath.Join(from, name)
			if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if err := os.MkdirAll(filepath.Join(from, "shot", "empty"), 0o755); err != nil {
			t.Fatal(err)
		}
		for range 2 {
			b.drop(filepath.Join(from, "a.txt"), filepath.Join(from, "shot"), filepath.Join(from, "nothing"))
			b.says(20*time.Second, "Uploaded 5 files")
			b.run(chromedp.Click(".upload button", chromedp.ByQuery))
		}
		want := "./a (2).txt one\n./a.txt one\n./nothing \n./nothing (2) \n./shot/deep/down/x (2) three\n./shot/deep/down/x three\n" +
			"./shot/empty\n./shot/render (2).exr two\n./shot/render.exr two\n"
		got := s.inHome(`cd Uploads && { find . -type f -exec sh -c 'echo "$1 $(cat "$1")"' sh {} \; ; find . -type d -empty; } | LC_ALL=C sort`)
		if got != want {
			t.Errorf("in the upload folder:\n%s\nwant:\n%s", got, want)
		}
		if owner := s.inHome("stat -c '%U %a' Uploads/a.txt"); owner != "artist 644\n" {
			t.Errorf("a file is %s", owner)
		}
	})
	t.Run("no way out", func(t *testing.T) {
		var status int
		b.mustEval(`ask("file?id=0123456789abcdef0123456789abcdef&size=4&offset=0", {method: "PUT", headers: {"Backlot-Path": "..%2F..%2Fetc/passwd"}, body: "evil"})`, &status)
		if status != 200 {
			t.Errorf("answered %d", status)
		}
		if got := s.inHome("cat Uploads/etc/passwd"); got != "evil" {
			t.Errorf("Uploads/etc/passwd holds %q", got)
		}
		s.inHome("ln -s /tmp Uploads/link")
		b.mustEval(`ask("file?id=1123456789abcdef0123456789abcdef&size=4&offset=0", {method: "PUT", headers: {"Backlot-Path": "link/evil"}, body: "evil"})`, &status)
		if out := s.inHome("ls /tmp"); status != 409 || strings.Contains(out, "evil") {
			t.Errorf("through a link: %d, /tmp holds %s", status, out)
		}
	})
	t.Run("1 GiB", func(t *testing.T) {
		big := filepath.Join(from, "big")
		sum := randomFile(t, big, 1<<30)
		pids := map[string]int{"backlot": s.cmd.Process.Pid, "streamer": s.process("streamer"), "receiver": s.receiver()}
		before, most := map[string]int{}, map[string]int{}
		for name, pid := range pids {
			before[name] = memory(t, pid)
		}
		began := time.Now()
		b.drop(big)
		b.shot()
		b.says(20*time.Second, "Uploading")
		heap := 0
		eventually(t, 5*time.Minute, func() error {
			for name, pid := range pids {
				most[name] = max(most[name], memory(t, pid))
			}
			var now int
			b.mustEval(`performance.memory.usedJSHeapSize >> 20`, &now)
			heap = max(heap, now)
			var busy bool
			b.mustEval(`document.querySelector(".upload").dataset.state === "busy"`, &busy)
			if busy {
				return fmt.Errorf("still busy")
			}
			return nil
		})
		b.says(time.Second, "Uploaded 1 file")
		took := time.Since(began)
		t.Logf("1 GiB in %v; MiB before %v, at most %v; the page's heap %d MiB", took.Round(time.Millisecond), before, most, heap)
		for name := range pids {
			if most[name] > before[name]+48 {
				t.Errorf("%s grew from %d to %d MiB", name, before[name], most[name])
			}
		}
		if got := s.sum("Uploads/big"); got != sum {
			t.Errorf("arrived as %s, sent as %s", got, sum)
		}
		b.run(chromedp.Click(".upload button", chromedp.ByQuery))
	})
	t.Run("cancelled", func(t *testing.T) {
		b.drop(filepath.Join(from, "big"))
		b.says(20*time.Second, "Uploading")
		b.run(chromedp.Click(".upload button", chromedp.ByQuery))
		b.says(20*time.Second, "Cancelled")
		eventually(t, 20*time.Second, func() error {
			if left := s.inHome("ls -a Uploads"); strings.Contains(left, ".part") {
				return fmt.Errorf("left: %s", left)
			}
			return nil
		})
	})
	cut := filepath.Join(from, "cut")
	sum := randomFile(t, cut, 600<<20)
	grown := func(t *testing.T, size int64) {
		t.Helper()
		eventually(t, time.Minute, func() error {
			now, _ := strconv.ParseInt(strings.TrimSpace(s.inHome("stat -c %s Uploads/.backlot-*.part 2>/dev/null || echo 0")), 10, 64)
			if now < size {
				return fmt.Errorf("%d bytes are there, not %d", now, size)
			}
			return nil
		})
	}
	t.Run("goes on after everything was restarted", func(t *testing.T) {
		b.drop(cut)
		grown(t, 8<<20)
		end := func(pid int) {
			if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
				t.Fatal(err)
			}
		}
		end(s.receiver())
		grown(t, 64<<20)
		end(s.process("streamer"))
		grown(t, 128<<20)
		s.kill(syscall.SIGKILL)
		s.start()
		b.says(2*time.Minute, "Uploaded 1 file")
		if got := s.sum("Uploads/cut"); got != sum {
			t.Errorf("arrived as %s, sent as %s", got, sum)
		}
		if left := s.inHome("ls -a Uploads"); strings.Contains(left, ".part") {
			t.Errorf("left: %s", left)
		}
		b.run(chromedp.Click(".upload button", chromedp.ByQuery))
	})
	t.Run("goes on after the page was loaded anew", func(t *testing.T) {
		b.drop(cut)
		grown(t, 64<<20)
		asked := make(chan page.DialogType, 1)
		chromedp.ListenTarget(b.ctx, func(event any) {
			if dialog, ok := event.(*page.EventJavascriptDialogOpening); ok {
				asked <- dialog.Type
				go func() { _ = chromedp.Run(b.ctx, page.HandleJavaScriptDialog(true)) }()
			}
		})
		b.run(chromedp.Reload())
		select {
		case kind := <-asked:
			if kind != page.DialogTypeBeforeunload {
				t.Errorf("asked by a dialog of type %s", kind)
			}
		default:
			t.Error("nobody was asked whether to leave")
		}
		b.waitForDesktop()
		eventually(t, 10*time.Second, func() error {
			b.bring([]string{cut}, input.DragEnter, input.DragOver)
			var taken bool
			if b.mustEval(`!document.querySelector(".drop").hidden`, &taken); !taken {
				return errors.New("the page takes no files yet")
			}
			return nil
		})
		b.bring([]string{cut}, input.Drop)
		b.says(2*time.Minute, "Uploaded 1 file")
		if got := s.sum("Uploads/cut (2)"); got != sum {
			t.Errorf("arrived as %s, sent as %s", got, sum)
		}
		if left := s.inHome("ls -a Uploads"); strings.Contains(left, ".part") {
			t.Errorf("it began anew; left: %s", left)
		}
	})
}

// receiver is the process that takes files.
func (s *server) receiver() int {
	s.t.Helper()
	for _, pid := range processes(s.t, "backlot-"+s.installationID()) {
		args, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid)) // may have ended
		if strings.Contains(string(args), "session-files") {
			return pid
		}
	}
	s.t.Fatal("nobody takes files")
	return 0
}

// TestUploadTo sends files where a launch profile says, as much as the volume holds.
func TestUploadTo(t *testing.T) {
	s := newServer(t)
	s.allowing("DISABLED", &nimblestudio.StreamConfigurationSessionStorage{
		Mode: []*string{new("UPLOAD")}, Root: &nimblestudio.StreamingSessionStorageRoot{Linux: new("/mnt/show/incoming")},
	})
	session, b := s.openDesktop()
	defer session.delete()
	file := filepath.Join(t.TempDir(), "file")
	sum := randomFile(t, file, 3<<20)
	b.drop(file)
	b.says(20*time.Second, "Uploaded 1 file")
	if got := s.sum("/mnt/show/incoming/file"); got != sum {
		t.Errorf("arrived as %s, sent as %s", got, sum)
	}
	var status int
	b.mustEval(`ask("clipboard")`, &status)
	if status != 403 {
		t.Errorf("the clipboard, which is forbidden: %d", status)
	}
	var said string
	b.mustEval(`fetch(location.pathname + "/file?id=0123456789abcdef0123456789abcdef&size=9000000000000000&offset=0", {method: "PUT", headers: {Authorization: "Bearer " + viewerKey(), "Backlot-Path": "huge"}, body: "x"}).then(r => r.text())`, &said)
	if !strings.Contains(said, `"problem":"large"`) {
		t.Errorf("a file of 8 PiB: %s", said)
	}
}
