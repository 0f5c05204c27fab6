//go:build linux

package streamer

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/BurntSushi/xgb/randr"
	"github.com/BurntSushi/xgb/xproto"

	"github.com/backlot/backlot/internal/wire"
)

// modePrefix begins the names of the modes that resize makes, and removes again.
const modePrefix = "backlot-"

// head is what the X server shows a monitor by.
type head struct {
	output randr.Output
	crtc   randr.Crtc
	modes  []randr.Mode // that the output knows
	at     place        // zero: it is dark
}

// heads are those of the monitors, in their order.
func (d *display) heads(res *randr.GetScreenResourcesCurrentReply) ([]head, error) {
	var all []head
	for _, output := range res.Outputs[:min(len(res.Outputs), wire.MaxMonitors)] {
		info, err := randr.GetOutputInfo(d.x, output, res.ConfigTimestamp).Reply()
		if err != nil {
			return nil, err
		}
		if len(info.Crtcs) == 0 {
			break
		}
		h := head{output: output, crtc: info.Crtcs[0], modes: info.Modes}
		crtc, err := randr.GetCrtcInfo(d.x, h.crtc, res.ConfigTimestamp).Reply()
		if err != nil {
			return nil, err
		}
		if crtc.Mode != 0 {
			h.at = place{int(crtc.X), int(crtc.Y), size{int(crtc.Width), int(crtc.Height)}}
		}
		all = append(all, h)
	}
	return all, nil
}

// lit are the sizes of the monitors that show something.
func (d *display) lit() (all sizes, err error) {
	res, err := randr.GetScreenResourcesCurrent(d.x, d.root).Reply()
	if err != nil {
		return all, err
	}
	heads, err := d.heads(res)
	for i, h := range heads {
		all[i] = h.at.size
	}
	return all, err
}

// arrange gives the monitors their sizes in pixels, by modes made for them, side by side.
// The screen is changed whole: programs never see it without a monitor.
func (d *display) arrange(want sizes) error {
	places, whole := want.lay()
	oldWidth, oldHeight, err := d.size()
	if err != nil {
		return err
	}
	res, err := randr.GetScreenResourcesCurrent(d.x, d.root).Reply()
	if err != nil {
		return err
	}
	heads, err := d.heads(res)
	if err != nil {
		return err
	}
	same := whole == size{oldWidth, oldHeight}
	for i, at := range places {
		if i < len(heads) {
			same = same && heads[i].at == at
		} else if at.size != (size{}) {
			return fmt.Errorf("the X server has %d monitors", len(heads))
		}
	}
	if same {
		return nil
	}
	modes, err := d.modes(res, heads, places)
	if err != nil {
		return err
	}

	// The screen must hold the monitors before and after.
	xproto.GrabServer(d.x)
	defer xproto.UngrabServer(d.x)
	if err := d.setScreen(max(whole.width, oldWidth), max(whole.height, oldHeight)); err != nil {
		return err
	}
	for i, h := range heads {
		if err := d.light(res, h, places[i], modes[places[i].size]); err != nil {
			return errors.Join(err, d.setScreen(oldWidth, oldHeight))
		}
	}
	if err := d.setScreen(whole.width, whole.height); err != nil {
		return err
	}
	d.forget(res, heads, modes)
	return nil
}

// modes finds or makes the modes of monitors with these places.
func (d *display) modes(res *randr.GetScreenResourcesCurrentReply, heads []head, places [wire.MaxMonitors]place) (map[size]randr.Mode, error) {
	modes := map[size]randr.Mode{}
	for i, h := range heads {
		at := places[i].size
		if at == (size{}) {
			continue
		}
		if modes[at] == 0 {
			mode, err := d.mode(res, at.width, at.height)
			if err != nil {
				return nil, fmt.Errorf("make mode %dx%d: %w", at.width, at.height, err)
			}
			modes[at] = mode
		}
		if err := randr.AddOutputModeChecked(d.x, h.output, modes[at]).Check(); err != nil {
			return nil, fmt.Errorf("add mode %dx%d: %w", at.width, at.height, err)
		}
	}
	return modes, nil
}

// light has a monitor show its place, or nothing.
func (d *display) light(res *randr.GetScreenResourcesCurrentReply, h head, at place, mode randr.Mode) error {
	if at == h.at {
		return nil
	}
	var outputs []randr.Output
	if mode != 0 {
		outputs = []randr.Output{h.output}
	}
	set, err := randr.SetCrtcConfig(d.x, h.crtc, xproto.TimeCurrentTime, res.ConfigTimestamp, int16(at.x), int16(at.y), mode, randr.RotationRotate0, outputs).Reply()
	if err == nil && set.Status != randr.SetConfigSuccess {
		err = fmt.Errorf("status %d", set.Status)
	}
	if err != nil {
		return fmt.Errorf("set mode %dx%d: %w", at.width, at.height, err)
	}
	return nil
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
func (d *display) forget(res *randr.GetScreenResourcesCurrentReply, heads []head, keep map[size]randr.Mode) {
	for i, name := range modeNames(res) {
		mode, m := randr.Mode(res.Modes[i].Id), res.Modes[i]
		if !strings.HasPrefix(name, modePrefix) || keep[size{int(m.Width), int(m.Height)}] == mode {
			continue
		}
		for _, h := range heads {
			if slices.Contains(h.modes, mode) {
				randr.DeleteOutputMode(d.x, h.output, mode)
			}
		}
		randr.DestroyMode(d.x, mode)
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
