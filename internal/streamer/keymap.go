//go:build linux

package streamer

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"

	"github.com/BurntSushi/xgb/xproto"

	"github.com/backlot/backlot/internal/wire"
)

// keyRules is what the display's key codes shall follow: those of Linux, which
// viewers send. An X server that may not look for devices begins with others, in
// which letters are the same but arrows are not.
const keyRules = "evdev"

// Requests of the XKEYBOARD extension, and its name for the core keyboard.
const (
	xkbUseExtension    = 0
	xkbLatchLockState  = 5
	xkbGetNames        = 17
	xkbGetKeyboardName = 23
	xkbCoreKeyboard    = 0x100
	xkbKeycodesName    = 1
	// xkbEverything is all components but geometry, which nobody draws here.
	xkbEverything = 0xff &^ 0x40
)

// loadKeymap gives the display Linux's key codes with a US layout, unless it has
// them already: a layout that somebody chose since is theirs.
func (d *display) loadKeymap() error {
	d.keymap.Lock()
	defer d.keymap.Unlock()
	rules, err := d.keyNames()
	if err != nil || rules[0] == keyRules {
		return err
	}
	xkb, err := d.useXKB()
	if err != nil {
		return err
	}
	codes, err := d.keycodes(xkb)
	if err != nil {
		return fmt.Errorf("ask for the names of the keymap: %w", err)
	}
	if !strings.HasPrefix(codes, keyRules) {
		err = d.loadComponents(xkb, wire.Layout{Name: "us"})
	}
	if err != nil {
		return err
	}
	return d.nameKeys(wire.Layout{Name: "us"})
}

// loadLayout gives the display a layout. The X server answers nobody for as long as
// that takes.
func (d *display) loadLayout(l wire.Layout) error {
	d.keymap.Lock()
	defer d.keymap.Unlock()
	xkb, err := d.useXKB()
	if err != nil {
		return err
	}
	if err := d.loadComponents(xkb, l); err != nil {
		return err
	}
	return d.nameKeys(l)
}

// keyNames is what programs are told of the keymap: its rules, model, layout,
// variant and options.
func (d *display) keyNames() (names [5]string, err error) {
	property, err := d.atom("_XKB_RULES_NAMES")
	if err != nil {
		return names, err
	}
	p, err := xproto.GetProperty(d.x, false, d.root, property, xproto.AtomString, 0, 64).Reply()
	if err != nil {
		return names, err
	}
	copy(names[:], strings.Split(string(p.Value), "\x00"))
	return names, nil
}

func (d *display) nameKeys(l wire.Layout) error {
	property, err := d.atom("_XKB_RULES_NAMES")
	if err != nil {
		return err
	}
	names := []byte(keyRules + "\x00pc105\x00" + l.Name + "\x00" + l.Variant + "\x00\x00")
	return xproto.ChangePropertyChecked(d.x, xproto.PropModeReplace, d.root, property, xproto.AtomString, 8, uint32(len(names)), names).Check()
}

// useXKB returns the number of the XKEYBOARD extension, ready for use.
func (d *display) useXKB() (byte, error) {
	extension, err := xproto.QueryExtension(d.x, uint16(len("XKEYBOARD")), "XKEYBOARD").Reply()
	if err != nil {
		return 0, err
	}
	if !extension.Present {
		return 0, errors.New("the X server has no XKEYBOARD extension")
	}
	wanted := binary.LittleEndian.AppendUint16(nil, 1) // version 1.0
	if _, err := d.request(extension.MajorOpcode, xkbUseExtension, append(wanted, 0, 0)); err != nil {
		return 0, fmt.Errorf("use XKEYBOARD: %w", err)
	}
	return extension.MajorOpcode, nil
}

// lockModifiers sets those locks that affect names as set says: masks of modifiers.
func (d *display) lockModifiers(affect, set byte) error {
	xkb, err := d.useXKB()
	if err != nil {
		return err
	}
	body := binary.LittleEndian.AppendUint16(nil, xkbCoreKeyboard)
	body = append(body, affect, set, 0, 0, 0, 0, 0, 0, 0, 0) // neither group nor latches
	return d.command(xkb, xkbLatchLockState, body)
}

// keycodes is the name of the key codes that the keyboard has.
func (d *display) keycodes(xkb byte) (string, error) {
	body := binary.LittleEndian.AppendUint16(nil, xkbCoreKeyboard)
	body = append(body, 0, 0)
	reply, err := d.request(xkb, xkbGetNames, binary.LittleEndian.AppendUint32(body, xkbKeycodesName))
	if err != nil || len(reply) < 36 {
		return "", err
	}
	name, err := xproto.GetAtomName(d.x, xproto.Atom(binary.LittleEndian.Uint32(reply[32:]))).Reply()
	if err != nil {
		return "", err
	}
	return name.Name, nil
}

func (d *display) loadComponents(xkb byte, l wire.Layout) error {
	symbols := l.Name
	if l.Variant != "" {
		symbols += "(" + l.Variant + ")"
	}
	body := binary.LittleEndian.AppendUint16(nil, xkbCoreKeyboard)
	body = binary.LittleEndian.AppendUint16(body, xkbEverything) // needed
	body = binary.LittleEndian.AppendUint16(body, xkbEverything) // wanted
	body = append(body, 1, 0)                                    // load it
	for _, component := range []string{"", "evdev+aliases(" + letters(l) + ")", "complete", "complete", "pc+" + symbols + "+inet(evdev)", ""} {
		body = append(append(body, byte(len(component))), component...)
	}
	if _, err := d.request(xkb, xkbGetKeyboardName, body); err != nil {
		return fmt.Errorf("load the keymap: %w", err)
	}
	return nil
}

// request makes a request of an extension that the X library does not know, and
// returns its answer.
func (d *display) request(major, minor byte, body []byte) ([]byte, error) {
	cookie := d.x.NewCookie(true, true)
	d.x.NewRequest(extensionRequest(major, minor, body), cookie)
	return cookie.Reply()
}

// command makes one that has no answer, and waits until it is done.
func (d *display) command(major, minor byte, body []byte) error {
	cookie := d.x.NewCookie(true, false)
	d.x.NewRequest(extensionRequest(major, minor, body), cookie)
	return cookie.Check()
}

func extensionRequest(major, minor byte, body []byte) []byte {
	for len(body)%4 != 0 {
		body = append(body, 0)
	}
	header := binary.LittleEndian.AppendUint16([]byte{major, minor}, uint16(1+len(body)/4))
	return append(header, body...)
}

func (d *display) atom(name string) (xproto.Atom, error) {
	reply, err := xproto.InternAtom(d.x, false, uint16(len(name)), name).Reply()
	if err != nil {
		return 0, err
	}
	return reply.Atom, nil
}

// keymap loads the keymap once the desktop is there: the X server answers nobody
// for as long as that takes.
func (d *desktop) keymap(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return nil
	case <-d.ready:
	}
	if err := d.display.loadKeymap(); err != nil && ctx.Err() == nil {
		return fmt.Errorf("set the keyboard up: %w", err)
	}
	return nil
}
