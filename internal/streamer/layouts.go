//go:build linux

package streamer

import (
	"slices"

	"github.com/BurntSushi/xgb/xproto"

	"github.com/backlot/backlot/internal/wire"
)

// layouts are those that viewers can choose, with their variants: names of XKB's.
// Nothing else is loaded, as a name becomes part of what the X server compiles.
var layouts = map[string][]string{
	"be": {"nodeadkeys"}, "br": {"nodeadkeys"}, "ca": {"multix", "eng"}, "ch": {"fr", "de_nodeadkeys", "fr_nodeadkeys"},
	"cz": {"qwerty"}, "de": {"nodeadkeys", "mac", "neo"}, "dk": {"nodeadkeys", "mac"}, "es": {"nodeadkeys", "cat", "mac"},
	"fi": {"nodeadkeys", "mac"}, "fr": {"oss", "bepo", "mac"}, "gb": {"intl", "mac", "dvorak"}, "gr": nil,
	"hu": {"qwerty"}, "il": nil, "it": {"nodeadkeys", "mac"}, "jp": {"kana", "mac"}, "kr": nil, "latam": {"nodeadkeys"},
	"nl": {"us", "mac"}, "no": {"nodeadkeys", "mac"}, "pl": {"qwertz", "dvorak"}, "pt": {"nodeadkeys", "mac"},
	"ro": {"std"}, "ru": {"phonetic", "mac"}, "se": {"nodeadkeys", "mac"}, "sk": {"qwerty"}, "tr": {"f"}, "ua": nil,
	"us": {"intl", "altgr-intl", "dvorak", "colemak", "mac"},
}

func known(l wire.Layout) bool {
	variants, ok := layouts[l.Name]
	return ok && (l.Variant == "" || slices.Contains(variants, l.Variant))
}

// letters names where a layout has its letters, by which XKB's files call some keys.
func letters(l wire.Layout) string {
	switch l.Name {
	case "be", "fr":
		return "azerty"
	case "ch", "cz", "de", "hu", "ro", "sk":
		return "qwertz"
	}
	return "qwerty"
}

// choose gives the display the layout of the viewer's keyboard, once: what somebody
// sets in the desktop afterwards stays until the viewer has another keyboard.
func (k *keyboard) choose(l wire.Layout) {
	if l == k.chosen || !known(l) {
		return
	}
	k.chosen = l
	if names, err := k.display.keyNames(); err == nil && names[0] == keyRules && names[2] == l.Name && names[3] == l.Variant {
		return
	}
	k.releaseAll()
	if err := k.display.loadLayout(l); err != nil {
		k.log.Warn("the keyboard keeps its layout", "err", err)
	}
	k.layout = nil // lent keys, too
}

// lock turns the locks on and off as they are at the viewer's keyboard.
func (k *keyboard) lock(m wire.Locks) {
	const caps, num = xproto.ModMaskLock, xproto.ModMask2
	pointer, err := xproto.QueryPointer(k.display.x, k.display.root).Reply()
	if err != nil {
		return
	}
	wanted := uint16(0)
	if m.Caps {
		wanted |= caps
	}
	if m.Num {
		wanted |= num
	}
	if differs := (pointer.Mask ^ wanted) & (caps | num); differs != 0 {
		if err := k.display.lockModifiers(byte(differs), byte(differs&wanted)); err != nil {
			k.log.Warn("a lock is not as the viewer's", "err", err)
		}
	}
}
