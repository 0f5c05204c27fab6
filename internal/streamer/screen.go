//go:build linux

package streamer

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/jezek/xgb/randr"
	"github.com/jezek/xgb/xproto"
)

// modePrefix begins the names of the modes that resize makes, and removes again.
const modePrefix = "backlot-"

// resize gives the screen a size in pixels, by a mode made for it. The screen
// is changed whole: programs never see it without a monitor.
func (d *display) resize(width, height int) error {
	oldWidth, oldHeight, err := d.size()
	if err != nil || oldWidth == width && oldHeight == height {
		return err
	}
	res, err := randr.GetScreenResourcesCurrent(d.x, d.root).Reply()
	if err != nil {
		return err
	}
	crtc, output, err := d.lit(res)
	if err != nil {
		return err
	}
	mode, err := d.mode(res, width, height)
	if err != nil {
		return fmt.Errorf("make mode %dx%d: %w", width, height, err)
	}
	if err := randr.AddOutputModeChecked(d.x, output, mode).Check(); err != nil {
		return fmt.Errorf("add mode %dx%d: %w", width, height, err)
	}

	// The screen must hold the monitor before and after.
	xproto.GrabServer(d.x)
	defer xproto.UngrabServer(d.x)
	if err := d.setScreen(max(width, oldWidth), max(height, oldHeight)); err != nil {
		return err
	}
	set, err := randr.SetCrtcConfig(d.x, crtc, xproto.TimeCurrentTime, res.ConfigTimestamp, 0, 0, mode, randr.RotationRotate0, []randr.Output{output}).Reply()
	if err == nil && set.Status != randr.SetConfigSuccess {
		err = fmt.Errorf("status %d", set.Status)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("set mode %dx%d: %w", width, height, err), d.setScreen(oldWidth, oldHeight))
	}
	if err := d.setScreen(width, height); err != nil {
		return err
	}
	d.forget(res, output, mode)
	return nil
}

// lit is the first monitor that shows something.
func (d *display) lit(res *randr.GetScreenResourcesCurrentReply) (randr.Crtc, randr.Output, error) {
	for _, crtc := range res.Crtcs {
		info, err := randr.GetCrtcInfo(d.x, crtc, res.ConfigTimestamp).Reply()
		if err != nil {
			return 0, 0, err
		}
		if info.Mode != 0 && len(info.Outputs) > 0 {
			return crtc, info.Outputs[0], nil
		}
	}
	return 0, 0, errors.New("no monitor is lit")
}

// mode finds or makes a mode of 60 Hz. Nothing is connected, so that the
// blanking times need only be plausible.
func (d *display) mode(res *randr.GetScreenResourcesCurrentReply, width, height int) (randr.Mode, error) {
	name := fmt.Sprintf("%s%dx%d", modePrefix, width, height)
	if i := slices.Index(modeNames(res), name); i >= 0 {
		return randr.Mode(res.Modes[i].Id), nil
	}
	w, h := uint16(width), uint16(height)
	info := randr.ModeInfo{
		Width: w, HsyncStart: w + 8, HsyncEnd: w + 40, Htotal: w + 80,
		Height: h, VsyncStart: h + 3, VsyncEnd: h + 8, Vtotal: h + 20,
		NameLen: uint16(len(name)),
	}
	info.DotClock = uint32(info.Htotal) * uint32(info.Vtotal) * 60
	made, err := randr.CreateMode(d.x, d.root, info, name).Reply()
	if err != nil {
		return 0, err
	}
	return made.Mode, nil
}

func (d *display) setScreen(width, height int) error {
	const perInch = 96
	mm := func(pixels int) uint32 { return uint32(float64(pixels) * 25.4 / perInch) }
	err := randr.SetScreenSizeChecked(d.x, d.root, uint16(width), uint16(height), mm(width), mm(height)).Check()
	if err != nil {
		return fmt.Errorf("set screen to %dx%d: %w", width, height, err)
	}
	return nil
}

// forget removes the modes of earlier sizes.
func (d *display) forget(res *randr.GetScreenResourcesCurrentReply, output randr.Output, keep randr.Mode) {
	for i, name := range modeNames(res) {
		if mode := randr.Mode(res.Modes[i].Id); mode != keep && strings.HasPrefix(name, modePrefix) {
			randr.DeleteOutputMode(d.x, output, mode)
			randr.DestroyMode(d.x, mode)
		}
	}
}

func modeNames(res *randr.GetScreenResourcesCurrentReply) []string {
	all := string(res.Names)
	names := make([]string, 0, len(res.Modes))
	for _, m := range res.Modes {
		n := min(int(m.NameLen), len(all))
		names, all = append(names, all[:n]), all[n:]
	}
	return names
}
