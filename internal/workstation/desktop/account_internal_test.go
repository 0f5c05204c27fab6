package desktop

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func plant(t *testing.T, s sandbox, files map[string]string) {
	t.Helper()
	for name, text := range files {
		must(t, os.MkdirAll(filepath.Dir(s.path(name)), 0o755))
		must(t, os.WriteFile(s.path(name), []byte(text), 0o644))
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func newSandbox(t *testing.T) sandbox {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("needs root to give files away")
	}
	return sandbox{root: t.TempDir()}
}

func TestAccountFiles(t *testing.T) {
	t.Parallel()
	const foreign = "root:x:0:0:root:/root:/bin/bash\n+::::::\nnobody:x:65534:65534::/:/bin/false\n"
	for _, c := range []struct{ name, before, want string }{
		{"new", foreign, foreign + "anna:x:1000:1000::/home/anna:/bin/bash\n"},
		{"no file", "", "anna:x:1000:1000::/home/anna:/bin/bash\n"},
		{"no newline at the end", "root:x:0:0:root:/root:/bin/bash", "root:x:0:0:root:/root:/bin/bash\nanna:x:1000:1000::/home/anna:/bin/bash\n"},
		{
			"there with another number", "anna:x:1234:1234:Anna:/home/anna:/bin/zsh\n" + foreign,
			"anna:x:1000:1000:Anna:/home/anna:/bin/zsh\n" + foreign,
		},
		{
			"number of somebody else", foreign + "ubuntu:x:1000:1000::/home/ubuntu:/bin/sh\nlast:x:5:5::/:/bin/sh\n",
			foreign + "anna:x:1000:1000::/home/anna:/bin/bash\nubuntu:x:1000:1000::/home/ubuntu:/bin/sh\nlast:x:5:5::/:/bin/sh\n",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := newSandbox(t)
			must(t, os.MkdirAll(s.path("/etc"), 0o755))
			if c.before != "" {
				plant(t, s, map[string]string{"/etc/passwd": c.before})
			}
			for range 2 {
				must(t, s.makeAccount(Config{User: "anna", UID: 1000}))
				got, err := os.ReadFile(s.path("/etc/passwd"))
				must(t, err)
				if d := cmp.Diff(c.want, string(got)); d != "" {
					t.Errorf("passwd (-want +got):\n%s", d)
				}
			}
		})
	}
}

func TestAccount(t *testing.T) {
	t.Parallel()
	s := newSandbox(t)
	plant(t, s, map[string]string{
		"/etc/group":            "root:x:0:\nvideo:x:44:anna,bob\naudio:x:29:\n",
		"/etc/shadow":           "root:*:::::::\n",
		"/etc/skel/.bashrc":     "hello",
		"/etc/skel/.config/app": "a",
	})
	must(t, os.Symlink("/usr/share", s.path("/etc/skel/share")))
	must(t, os.Chmod(s.path("/etc/shadow"), 0o640))
	must(t, os.Chown(s.path("/etc/shadow"), 0, 42))
	c := Config{User: "anna", UID: 1234}
	must(t, s.makeAccount(c))

	for name, want := range map[string]string{
		"/etc/group":             "root:x:0:\nvideo:x:44:anna,bob\naudio:x:29:\nanna:x:1234:\n",
		"/etc/shadow":            "root:*:::::::\nanna:*::0:99999:7:::\n",
		"/home/anna/.bashrc":     "hello",
		"/home/anna/.config/app": "a",
	} {
		got, err := os.ReadFile(s.path(name))
		if err != nil || string(got) != want {
			t.Errorf("%s = %q, %v, want %q", name, got, err, want)
		}
	}
	for name, want := range map[string][3]int{
		"/etc/shadow":        {0o640, 0, 42},
		"/home/anna":         {0o700, 1234, 1234},
		"/home/anna/.bashrc": {0o644, 1234, 1234},
		"/home/anna/.config": {0o755, 1234, 1234},
		"/etc/skel/.bashrc":  {0o644, 0, 0},
	} {
		fi, err := os.Lstat(s.path(name))
		must(t, err)
		uid, gid := owner(fi)
		if got := [3]int{int(fi.Mode().Perm()), uid, gid}; got != want {
			t.Errorf("%s: mode and owner %v, want %v", name, got, want)
		}
	}
	if to, err := os.Readlink(s.path("/home/anna/share")); err != nil || to != "/usr/share" {
		t.Errorf("link in home leads to %q, %v", to, err)
	}
	if _, err := os.Stat(s.path("/etc/sudoers.d")); err == nil {
		t.Error("sudo is set up where there is none")
	}
	if got := s.groupsOf("anna"); !cmp.Equal(got, []string{"44"}) {
		t.Errorf("groups = %v, want 44", got)
	}

	// A second start keeps what the artist has done.
	plant(t, s, map[string]string{
		"/home/anna/.bashrc": "mine", "/etc/shadow": "root:*:::::::\nanna:$6$x:1::::::\n", "/usr/bin/sudo": "x",
	})
	must(t, os.Chmod(s.path("/usr/bin/sudo"), 0o4755))
	must(t, s.makeAccount(c))
	for name, want := range map[string]string{
		"/home/anna/.bashrc":     "mine",
		"/etc/shadow":            "root:*:::::::\nanna:$6$x:1::::::\n",
		"/etc/sudoers.d/backlot": "anna ALL=(ALL:ALL) NOPASSWD: ALL\n",
	} {
		if got, err := os.ReadFile(s.path(name)); err != nil || string(got) != want {
			t.Errorf("%s = %q, %v, want %q", name, got, err, want)
		}
	}
}

func TestPlaces(t *testing.T) {
	t.Parallel()
	s := newSandbox(t)
	plant(t, s, map[string]string{"/etc/machine-id": "", "/etc/default/locale": "LANG=\"de_DE.UTF-8\"\nLC_TIME=C\nTOKEN=x\n"})
	must(t, s.makePlaces(Config{User: "anna", UID: 1234}))
	first, err := os.ReadFile(s.path("/etc/machine-id"))
	must(t, err)
	if len(first) != 33 {
		t.Errorf("machine-id = %q, want 32 digits", first)
	}
	must(t, s.makePlaces(Config{User: "anna", UID: 1234}))
	if again, _ := os.ReadFile(s.path("/etc/machine-id")); string(again) != string(first) {
		t.Errorf("machine-id changed from %q to %q", first, again)
	}
	fi, err := os.Stat(s.path("/run/user/1234"))
	must(t, err)
	if uid, _ := owner(fi); uid != 1234 || fi.Mode().Perm() != 0o700 {
		t.Errorf("/run/user/1234: %v of %d", fi.Mode(), uid)
	}
	if fi, err = os.Stat(s.path("/tmp")); err != nil || fi.Mode() != os.ModeDir|os.ModeSticky|0o777 {
		t.Errorf("/tmp: %v, %v", fi.Mode(), err)
	}
	if d := cmp.Diff([]string{"LANG=de_DE.UTF-8", "LC_TIME=C"}, s.locale()); d != "" {
		t.Errorf("locale (-want +got):\n%s", d)
	}
}
