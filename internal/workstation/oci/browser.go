package oci

import (
	"os"
	"path/filepath"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// chromiumFlags are read by Debian's launcher of Chromium.
const chromiumFlags = `# Chromium's own sandbox needs namespaces that programs of a workstation may not
# make: with them, all of the kernel's network code could be attacked. The
# workstation's sandbox confines the browser as it does every program.
export CHROMIUM_FLAGS="$CHROMIUM_FLAGS --no-sandbox"
`

const chromiumDir = "/etc/chromium.d"

// addChromiumFlags lets Chromium start, where the image has it.
func addChromiumFlags(s session, lower []string, c *specs.Spec) error {
	for _, layer := range lower {
		if fi, err := os.Stat(filepath.Join(layer, chromiumDir)); err != nil || !fi.IsDir() {
			continue
		}
		file := s.part(desktop, "chromium")
		if err := writeFile(file, []byte(chromiumFlags), 0o444, 0); err != nil {
			return err
		}
		c.Mounts = append(c.Mounts, bind(file, filepath.Join(chromiumDir, "backlot"), "ro", "nosuid", "nodev", "noexec"))
		return nil
	}
	return nil
}
