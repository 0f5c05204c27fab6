//go:build linux

package streamer

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"

	"github.com/jezek/xgb/xproto"
)

// keyRules is what the display's key codes shall follow: those of Linux, which
// viewers send. An X server that may not look for devices begins with others, in
// which letters are the same but arrows are not.
const keyRules = "evdev"

// Requests of the XKEYBOARD extension, and its name for the core keyboard.
const (
	xkbUseExtension    = 0
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
	property, err := d.atom("_XKB_RULES_NAMES")
	if err != nil {
		return err
	}
	rules, err := xproto.GetProperty(d.x, false, d.root, property, xproto.AtomString, 0, 64).Reply()
	if err != nil {
		return err
	}
	if name, _, _ := bytes.Cut(rules.Value, []byte{0}); string(name) == keyRules {
		return nil
	}
	extension, err := xproto.QueryExtension(d.x, uint16(len("XKEYBOARD")), "XKEYBOARD").Reply()
	if err != nil {
		return err
	}
	if !extension.Present {
		return errors.New("the X server has no XKEYBOARD extension")
	}
	wanted := binary.LittleEndian.AppendUint16(nil, 1) // version 1.0
	if _, err := d.request(extension.MajorOpcode, xkbUseExtension, append(wanted, 0, 0)); err != nil {
		return fmt.Errorf("use XKEYBOARD: %w", err)
	}
	codes, err := d.keycodes(extension.MajorOpcode)
	if err != nil {
		return fmt.Errorf("ask for the names of the keymap: %w", err)
	}
	if !strings.HasPrefix(codes, keyRules) {
		if err := d.loadComponents(extension.MajorOpcode); err != nil {
			return fmt.Errorf("load the keymap: %w", err)
		}
	}
	names := []byte(keyRules + "\x00pc105\x00us\x00\x00\x00")
	return xproto.ChangePropertyChecked(d.x, xproto.PropModeReplace, d.root, property, xproto.AtomString, 8, uint32(len(names)), names).Check()
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

func (d *display) loadComponents(xkb byte) error {
	body := binary.LittleEndian.AppendUint16(nil, xkbCoreKeyboard)
	body = binary.LittleEndian.AppendUint16(body, xkbEverything) // needed
	body = binary.LittleEndian.AppendUint16(body, xkbEverything) // wanted
	body = append(body, 1, 0)                                    // load it
	for _, component := range []string{"", "evdev+aliases(qwerty)", "complete", "complete", "pc+us+inet(evdev)", ""} {
		body = append(append(body, byte(len(component))), component...)
	}
	_, err := d.request(xkb, xkbGetKeyboardName, body)
	return err
}

// request makes a request of an extension that the X library does not know, and
// returns its answer.
func (d *display) request(major, minor byte, body []byte) ([]byte, error) {
	for len(body)%4 != 0 {
		body = append(body, 0)
	}
	header := binary.LittleEndian.AppendUint16([]byte{major, minor}, uint16(1+len(body)/4))
	cookie := d.x.NewCookie(true, true)
	d.x.NewRequest(append(header, body...), cookie)
	return cookie.Reply()
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
