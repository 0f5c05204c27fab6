package btrfs

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/backlot/backlot/internal/volume"
)

// openQuotas returns the sysfs directory of the quota groups. Quotas are turned
// on in a file system of our own, which costs nothing while it is empty. On
// somebody else's they would slow down everything there, and stay on, so there
// they are used when they are on, and missed in the log when not. Simple quotas
// will not do: they charge a volume nothing for what it shares with a snapshot.
func (d *Driver) openQuotas() (string, error) {
	root, err := d.openDir()
	if err != nil {
		return "", err
	}
	defer root.Close()
	var info fsInfoArgs
	if err := ioctl(root, fsInfo, &info); err != nil {
		return "", fmt.Errorf("file system id: %w", err)
	}
	dir := filepath.Join("/sys/fs/btrfs", uuid(info.fsid), "qgroups")
	mode, err := quotaMode(dir)
	if err != nil {
		return "", err
	}
	if mode == "off" && d.mountDir != "" {
		if err := ioctl(root, quotaControl, &quotaControlArgs{command: quotaEnable}); err != nil {
			return "", fmt.Errorf("enable quotas: %w", err)
		}
		if err := ioctl[struct{}](root, rescanWait, nil); err != nil {
			return "", fmt.Errorf("wait for quotas: %w", err)
		}
		mode = "qgroup"
	}
	if mode != "qgroup" {
		d.log.Warn("volume limits are not enforced: full quotas are not enabled on this btrfs; `btrfs quota enable` does that",
			"dir", d.dir, "quotas", mode)
		return "", nil
	}
	return dir, nil
}

// quotaMode returns off, qgroup or squota.
func quotaMode(dir string) (string, error) {
	mode, err := os.ReadFile(filepath.Join(dir, "mode"))
	if err == nil {
		return strings.TrimSpace(string(mode)), nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return "", err
	}
	// Kernels before 6.7 know one mode only.
	switch _, err := os.Stat(dir); {
	case err == nil:
		return "qgroup", nil
	case errors.Is(err, fs.ErrNotExist):
		return "off", nil
	default:
		return "", err
	}
}

// mendQuotas has the kernel count anew, in the background, when it lost count: it
// gives up counting when a subvolume of millions of files is deleted.
func (d *Driver) mendQuotas() {
	if d.quotas == "" || d.mountDir == "" {
		return
	}
	lost, err := os.ReadFile(filepath.Join(d.quotas, "inconsistent"))
	if err != nil || strings.TrimSpace(string(lost)) == "0" {
		return // kernels before 6.1 do not tell
	}
	root, err := d.openDir()
	if err == nil {
		defer root.Close()
		err = ioctl(root, quotaRescan, &quotaRescanArgs{})
	}
	if err != nil && !errors.Is(err, unix.EINPROGRESS) {
		d.log.Error("volume limits may not hold: quotas cannot be counted anew", "err", err)
	}
}

// Limit changes the limit of the volume's quota group.
func (d *Driver) Limit(_ context.Context, id string, limitBytes int64) error {
	err := errors.Join(volume.CheckID(id), volume.Options{LimitBytes: limitBytes}.Check())
	if err == nil {
		err = d.limit(volumesDir, id, limitBytes)
	}
	if errors.Is(err, fs.ErrNotExist) {
		err = volume.ErrNotFound
	}
	if err != nil {
		return fmt.Errorf("limit volume %s: %w", id, d.meant(err))
	}
	return nil
}

// limit sets what a subvolume may hold; 0: no limit. A snapshot inherits the limit
// of its source, so that it must be set, or taken away, on each clone.
func (d *Driver) limit(dir, name string, limitBytes int64) error {
	if d.quotas == "" {
		return nil
	}
	sub, err := d.openDir(dir, name)
	if err != nil {
		return err
	}
	defer sub.Close()
	id, err := subvolumeID(sub)
	if err != nil {
		return err
	}
	args := qgroupLimitArgs{id: id, flags: limitReferenced, maxReferenced: uint64(limitBytes)}
	if limitBytes == 0 {
		args.maxReferenced = qgroupUnlimited
	}
	if err := ioctl(sub, qgroupLimit, &args); err != nil {
		return fmt.Errorf("limit %s/%s to %d bytes: %w", dir, name, limitBytes, err)
	}
	return nil
}

// usage returns what a subvolume holds and may hold.
func (d *Driver) usage(id uint64) (used, limit int64, err error) {
	read := func(name string) (n int64) {
		if err != nil {
			return 0
		}
		var text []byte
		text, err = os.ReadFile(filepath.Join(d.quotas, fmt.Sprintf("0_%d", id), name))
		if err == nil {
			n, err = strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64)
		}
		return n
	}
	used = read("referenced")
	if read("limit_flags")&limitReferenced != 0 {
		limit = read("max_referenced")
	}
	return used, limit, err
}

// dropQuotaGroup removes the quota group of a deleted subvolume; dir is any
// directory of the file system. Kernels since 6.11 do that by themselves and
// refuse it here; on older ones the groups would pile up.
func (d *Driver) dropQuotaGroup(dir *os.File, id uint64) {
	if d.quotas == "" {
		return
	}
	if err := ioctl(dir, qgroupCreate, &qgroupCreateArgs{id: id}); err != nil {
		d.log.Debug("quota group stays until the kernel drops it", "qgroup", id, "err", err)
	}
}

func uuid(b [16]byte) string {
	s := hex.EncodeToString(b[:])
	return strings.Join([]string{s[:8], s[8:12], s[12:16], s[16:20], s[20:]}, "-")
}
