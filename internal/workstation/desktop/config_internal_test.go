package desktop

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestConfig(t *testing.T) {
	t.Parallel()
	got, err := parseConfig([]string{
		"LANG=en_US.UTF-8", "BACKLOT_USER=anna", "BACKLOT_UID=1000", "HOME=/root", "DISPLAY=:7.0", "SHOW=x=y", "LANG=de_DE.UTF-8",
		"XAUTHORITY=/run/x", "BACKLOT_DESKTOP_COMMAND=exec twm",
	})
	if err != nil {
		t.Fatal(err)
	}
	want := Config{User: "anna", UID: 1000, Display: 7, Xauthority: "/run/x", Command: "exec twm", Environment: []string{
		"DBUS_SESSION_BUS_ADDRESS=unix:path=/run/user/1000/bus", "DISPLAY=:7.0", "HOME=/home/anna", "LANG=de_DE.UTF-8",
		"LOGNAME=anna", "PATH=/usr/local/bin:/usr/bin:/bin:/usr/local/games:/usr/games",
		"PULSE_CLIENTCONFIG=/run/backlot/desktop/pulse/client.conf", "SHELL=/bin/bash", "SHOW=x=y",
		"USER=anna", "XAPPLRESDIR=/run/backlot/desktop", "XAUTHORITY=/run/x",
		"XDG_CONFIG_DIRS=/run/backlot/desktop:/etc/xdg", "XDG_RUNTIME_DIR=/run/user/1000", "XDG_SESSION_TYPE=x11",
	}}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("config (-want +got):\n%s", d)
	}
	for _, env := range [][]string{
		nil,
		{"BACKLOT_USER=root", "BACKLOT_UID=1000"},
		{"BACKLOT_USER=a/b", "BACKLOT_UID=1000"},
		{"BACKLOT_USER=anna", "BACKLOT_UID=0"},
		{"BACKLOT_USER=anna", "BACKLOT_UID=70000"},
		{"BACKLOT_USER=anna", "BACKLOT_UID=1000", "DISPLAY=host:0"},
	} {
		if _, err := parseConfig(env); err == nil {
			t.Errorf("%q is accepted", env)
		}
	}
}
