package portal_test

import (
	"math"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// TestContrast computes the contrast of what lies on what, in both schemes, as
// WCAG 2.2 defines it: 4.5 for text, 3 for what tells a control or its focus.
func TestContrast(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("style.css")
	must(t, err)
	light, rest, ok := strings.Cut(string(text), "@media (prefers-color-scheme: dark)")
	if !ok {
		t.Fatal("no dark scheme")
	}
	dark, _, _ := strings.Cut(rest, "\n}\n")
	schemes := map[string]map[string]string{"light": colours(light), "dark": colours(dark)}
	if len(schemes["light"]) < 10 {
		t.Fatalf("colours %v", schemes)
	}
	for scheme, colours := range schemes {
		for name := range schemes["light"] {
			if colours[name] == "" {
				t.Errorf("%s: no --%s", scheme, name)
			}
		}
		for _, pair := range []struct {
			on, over string
			least    float64
		}{
			{"ink", "ground", 4.5},
			{"ink", "card", 4.5},
			{"ink", "plain", 4.5},
			{"soft", "ground", 4.5},
			{"soft", "card", 4.5},
			{"accent", "card", 4.5},
			{"danger", "card", 4.5},
			{"on-accent", "accent", 4.5},
			{"on-danger", "danger", 4.5},
			{"good", "on-good", 4.5},
			{"busy", "on-busy", 4.5},
			{"bad", "on-bad", 4.5},
			{"edge", "card", 3},
			{"edge", "ground", 3},
			{"accent", "ground", 3},
			{"accent", "plain", 3},
			{"bad", "card", 3},
		} {
			if got := contrast(t, colours[pair.on], colours[pair.over]); got < pair.least {
				t.Errorf("%s: --%s on --%s has a contrast of %.2f, want %.1f", scheme, pair.on, pair.over, got, pair.least)
			}
		}
	}
}

// colours are the variables of a style sheet that hold one.
func colours(css string) map[string]string {
	found := map[string]string{}
	for _, m := range regexp.MustCompile(`--([a-z-]+): #([0-9a-f]{3}|[0-9a-f]{6});`).FindAllStringSubmatch(css, -1) {
		found[m[1]] = m[2]
	}
	return found
}

func contrast(t *testing.T, a, b string) float64 {
	t.Helper()
	x, y := luminance(t, a), luminance(t, b)
	return (max(x, y) + 0.05) / (min(x, y) + 0.05)
}

func luminance(t *testing.T, hex string) float64 {
	t.Helper()
	if len(hex) == 3 {
		hex = strings.Join([]string{hex[:1], hex[:1], hex[1:2], hex[1:2], hex[2:], hex[2:]}, "")
	}
	n, err := strconv.ParseUint(hex, 16, 32)
	must(t, err)
	part := func(shift int) float64 {
		c := float64(n>>shift&0xff) / 255
		if c <= 0.04045 {
			return c / 12.92
		}
		return math.Pow((c+0.055)/1.055, 2.4)
	}
	return 0.2126*part(16) + 0.7152*part(8) + 0.0722*part(0)
}
