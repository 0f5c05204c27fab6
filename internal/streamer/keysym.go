//go:build linux

package streamer

import "github.com/BurntSushi/xgb/xproto"

// oldSymbols are the characters whose keysyms are older than Unicode
// (X11/keysymdef.h), as runs that begin with a given keysym. A blank is none: it has
// a keysym there that is Latin-1's, or belongs to nobody.
var oldSymbols = [...]struct {
	first xproto.Keysym
	runes string
}{
	{0x1a1, "Ą˘Ł ĽŚ  ŠŞŤŹ ŽŻ ą˛ł ľśˇ šşťź˝žżŔ  Ă ĹĆ Č Ę Ě  ĎĐŃŇ  Ő  ŘŮ Ű  Ţ ŕ  ă ĺć č ę ě  ďđńň  ő  řů ű  ţ˙"},
	{0x2a1, "Ħ"},
	{0x2a6, "Ĥ  İ ĞĴ"},
	{0x2b1, "ħ"},
	{0x2b6, "ĥ  ı ğĵ"},
	{0x2c5, "ĊĈ"},
	{0x2d5, "Ġ  Ĝ"},
	{0x2dd, "ŬŜ"},
	{0x2e5, "ċĉ"},
	{0x2f5, "ġ  ĝ"},
	{0x2fd, "ŭŝ"},
	{0x3a2, "ĸŖ ĨĻ   ĒĢŦ"},
	{0x3b3, "ŗ ĩļ   ēģŧŊ ŋĀ"},
	{0x3c7, "Į"},
	{0x3cc, "Ė  Ī ŅŌĶ"},
	{0x3d9, "Ų   ŨŪ ā"},
	{0x3e7, "į"},
	{0x3ec, "ė  ī ņōķ"},
	{0x3f9, "ų   ũū"},
	{0x47e, "‾"},
	{0x4a1, "。「」、・ヲァィゥェォャュョッーアイウエオカキクケコサシスセソタチツテトナニヌネノハヒフヘホマミムメモヤユヨラリルレロワン゛゜"},
	{0x6a1, "ђѓёєѕіїјљњћќґўџ№ЂЃЁЄЅІЇЈЉЊЋЌҐЎЏюабцдефгхийклмнопярстужвьызшэщчъЮАБЦДЕФГХИЙКЛМНОПЯРСТУЖВЬЫЗШЭЩЧЪ"},
	{0x7a1, "ΆΈΉΊΪ ΌΎΫ Ώ  ΅― άέήίϊΐόύϋΰώ"},
	{0x7c1, "ΑΒΓΔΕΖΗΘΙΚΛΜΝΞΟΠΡΣ ΤΥΦΧΨΩ"},
	{0x7e1, "αβγδεζηθικλμνξοπρσςτυφχψω"},
	{0xcdf, "‗אבגדהוזחטיךכלםמןנסעףפץצקרשת"},
	{0x13bc, "ŒœŸ"},
	{0x20ac, "€"},
}

// meaning is the character that a keysym stands for, 0 for none: Latin-1 is itself,
// the rest of Unicode begins at 0x01000000 (X protocol, appendix A), and layouts have
// what is older for characters that it had first.
func meaning(sym xproto.Keysym) rune {
	switch {
	case sym >= 0x20 && sym < 0x7f, sym >= 0xa0 && sym <= 0xff:
		return rune(sym)
	case sym >= 0x01000100 && sym <= 0x0110ffff:
		return rune(sym - 0x01000000)
	}
	if sym < oldSymbols[0].first || sym > oldSymbols[len(oldSymbols)-1].first {
		return 0
	}
	for _, run := range oldSymbols {
		if sym < run.first {
			break
		}
		n := run.first
		for _, r := range run.runes {
			if n == sym && r != ' ' {
				return r
			}
			n++
		}
	}
	return 0
}

// same tells whether two keysyms stand for the same.
func same(a, b xproto.Keysym) bool {
	if a == b {
		return true
	}
	m := meaning(a)
	return m != 0 && m == meaning(b)
}
