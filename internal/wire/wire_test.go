package wire_test

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/backlot/backlot/internal/wire"
)

var update = flag.Bool("update", false, "rewrite the files in testdata")

func messages() []wire.Message {
	return []wire.Message{
		wire.Hello{Lowest: 1, Highest: 2, Session: "a1b2/séance", Credential: "secret"},
		wire.Ready{Width: 1920, Height: 1080},
		wire.Video{Key: true, CapturedMicros: 1_234_567_890_123, Width: 1280, Height: 720, Data: []byte{0, 0, 0, 1, 0x67, 0x42}},
		wire.Cursor{Serial: 7, HotX: 1, HotY: 0, Width: 2, Height: 1, Pixels: []byte{255, 0, 0, 255, 0, 255, 0, 128}},
		wire.Cursor{Serial: 8, Pixels: []byte{}},
		wire.Screen{Width: 800, Height: 600},
		wire.Pong{},
		wire.Welcome{Version: 1},
		wire.Watch{On: true},
		wire.KeyFrame{},
		wire.Rate{BitsPerSecond: 20_000_000, FramesPerSecond: 60},
		wire.Ping{},
		wire.Resize{Width: 2560, Height: 1440},
		wire.Pointer{X: 300, Y: -1},
		wire.Button{Button: 1, Down: true},
		wire.Wheel{DX: 0, DY: -120},
		wire.Key{Code: 30, Keysym: 0x61, Down: true},
		wire.ReleaseAll{},
		wire.Pen{Samples: []wire.PenSample{{X: 32768, Y: 65535, Pressure: 40000, TiltX: -30, TiltY: 90, Buttons: wire.PenTip | wire.PenBarrel}, {X: 1}}},
		wire.Pen{},
		wire.Motion{DX: -3, DY: 400},
		wire.Layout{Name: "us", Variant: "altgr-intl"},
		wire.Locks{Num: true},
		wire.Sound{CapturedMicros: 1_234_567_890_123, Data: []byte{0xf4, 1, 2}},
		wire.Microphone{Sequence: 65535, Data: []byte{0xf8, 3}},
		wire.Listen{On: true, Messages: true},
		wire.Allows{Clipboard: true},
		wire.Copied{Serial: 7, Text: true},
		wire.PipeOpen{Pipe: 3, Use: wire.UsePasteImage},
		wire.PipeData{Pipe: 3, Data: []byte{0x89, 'P', 'N', 'G'}},
		wire.PipeRoom{Pipe: 3, Bytes: 262144},
		wire.PipeEnd{Pipe: 3, Broken: true},
		wire.ViewerKey{Key: "a secret"},
		wire.Stats{Frames: 60, CaptureMicros: 850, EncodeMicros: 4600, Bytes: 375_000},
		wire.Standing{Control: true, Share: true, Stop: true, Keeps: true, SecondsLeft: 900},
		wire.People{People: []wire.Person{{Number: 1, You: true, Control: true, Name: "Ada"}, {Number: 2, Guest: true, Name: "Zoé"}}},
		wire.Shared{Control: true, Link: "https://studio.example/share/k1r1.abc"},
		wire.Notice{Text: "Try again in a moment."},
		wire.Looked{SecondsAgo: 600, Name: "Ada"},
		wire.Ask{Wish: wire.WishGive, Person: 2},
		wire.Echo{Token: 70000},
		wire.Change{CapturedMicros: 1_234_567_890_123, Areas: []wire.Area{{X: 1, Y: 2, Width: 30, Height: 4}, {Width: 1024, Height: 1024}}},
		wire.Change{CapturedMicros: 1},
		wire.Tile{CapturedMicros: 1_234_567_890_123, Width: 1920, Height: 1080, Column: 14, Row: 8, Sum: 0xfedc_ba98_7654_3210, Coding: wire.CodingUp, Data: []byte{3, 0}},
		wire.Still{CapturedMicros: 1_234_567_890_123, Width: 1920, Height: 1080, Sum: 0xfedc_ba98_7654_3210},
		wire.Exact{Sum: 0xfedc_ba98_7654_3210},
		wire.Taken{Bytes: 70000},
		wire.Part{Data: []byte{1, 2}},
		wire.Format{FullColour: true},
		wire.Main{On: true},
		wire.Colour{Full: true},
		wire.Colours{Possible: true},
		wire.Keep{What: wire.KeepFrames},
		wire.Prefer{Keep: wire.KeepPixels, MostBitsPerSecond: 5_000_000},
		wire.Monitor{Number: 2, Message: wire.Pointer{X: 300, Y: -1}},
		wire.Monitor{Number: 4, Message: wire.Unplug{}},
		wire.Unplug{},
		wire.Monitors{There: 5},
		wire.Scale{Percent: 150},
		wire.Scaled{},
		wire.Hold{On: true},
		wire.Road{Socket: true},
		wire.Progress{Received: 3, Shown: 2, FrameMicros: 12_000},
	}
}

// The file is shared with the page's tests: name and fields of each message, and its bytes.
func TestGolden(t *testing.T) {
	t.Parallel()
	type golden struct {
		Name   string       `json:"name"`
		Fields wire.Message `json:"fields"`
		Hex    string       `json:"hex"`
	}
	var all []golden
	for _, m := range messages() {
		b := wire.Append(nil, m)
		all = append(all, golden{name(m), m, hex.EncodeToString(b)})
		back, err := wire.Decode(b)
		if err != nil {
			t.Errorf("%s: %v", name(m), err)
		}
		if diff := cmp.Diff(m, back); diff != "" {
			t.Errorf("%s came back different (-sent +read):\n%s", name(m), diff)
		}
	}
	got, err := json.MarshalIndent(all, "", "\t")
	if err != nil {
		t.Fatal(err)
	}
	got = append(got, '\n')
	const file = "testdata/messages.json"
	if *update {
		if err := os.WriteFile(file, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s differs (run with -update if this is meant):\n%s", file, diff)
	}
}

func TestEveryTypeHasAnExample(t *testing.T) {
	t.Parallel()
	seen := map[wire.Type]bool{}
	for _, m := range messages() {
		seen[m.Type()] = true
	}
	for i := range 256 {
		_, err := wire.Decode([]byte{byte(i)})
		if known := !errors.Is(err, wire.ErrUnknownType); known != seen[wire.Type(i)] {
			t.Errorf("type 0x%02x: known %v, in messages() %v", i, known, seen[wire.Type(i)])
		}
	}
}

func TestDecodeRefuses(t *testing.T) {
	t.Parallel()
	for name, b := range map[string][]byte{
		"nothing":                  {},
		"cut short":                {byte(wire.TypeScreen), 7, 128, 4},
		"left over":                {byte(wire.TypePing), 0},
		"bool of 2":                {byte(wire.TypeWatch), 2},
		"text too short":           {byte(wire.TypeHello), 0, 1, 0, 1, 9, 'a'},
		"text not UTF-8":           {byte(wire.TypeHello), 0, 1, 0, 1, 1, 0xff, 0},
		"screen too small":         wire.Append(nil, wire.Screen{Width: 15, Height: 200}),
		"screen too large":         wire.Append(nil, wire.Ready{Width: 16385, Height: 200}),
		"resize too small":         wire.Append(nil, wire.Resize{Width: 319, Height: 200}),
		"resize too large":         wire.Append(nil, wire.Resize{Width: 7680, Height: 4321}),
		"the first monitor":        wire.Append(nil, wire.Monitor{Number: 1, Message: wire.Ping{}}),
		"a fifth monitor":          wire.Append(nil, wire.Monitor{Number: 5, Message: wire.Ping{}}),
		"a monitor in a monitor":   wire.Append(nil, wire.Monitor{Number: 2, Message: wire.Monitor{Number: 3, Message: wire.Ping{}}}),
		"a monitor cut short":      {byte(wire.TypeMonitor), 2, byte(wire.TypeScreen), 7},
		"scale too small":          wire.Append(nil, wire.Scale{Percent: 49}),
		"scaled too large":         wire.Append(nil, wire.Scaled{Percent: 401}),
		"rate of nothing":          wire.Append(nil, wire.Rate{BitsPerSecond: 1_000_000}),
		"rate too low":             wire.Append(nil, wire.Rate{BitsPerSecond: 1, FramesPerSecond: 60}),
		"button of the wheel":      wire.Append(nil, wire.Button{Button: 4}),
		"key of nothing":           wire.Append(nil, wire.Key{Down: true}),
		"code too high":            wire.Append(nil, wire.Key{Code: 0x300}),
		"keysym too high":          wire.Append(nil, wire.Key{Keysym: 0x2000_0000}),
		"sound of nothing":         wire.Append(nil, wire.Sound{}),
		"sound too large":          wire.Append(nil, wire.Sound{Data: make([]byte, wire.MaxSound+1)}),
		"microphone of nothing":    wire.Append(nil, wire.Microphone{}),
		"microphone too large":     wire.Append(nil, wire.Microphone{Data: make([]byte, wire.MaxSound+1)}),
		"pen of too many samples":  append([]byte{byte(wire.TypePen), 65}, make([]byte, 65*9)...),
		"pen cut short":            {byte(wire.TypePen), 2, 0, 0, 0, 0, 0, 0, 0, 0, 0},
		"pen that leans too far":   wire.Append(nil, wire.Pen{Samples: []wire.PenSample{{TiltX: 91}}}),
		"pen with a button more":   wire.Append(nil, wire.Pen{Samples: []wire.PenSample{{Buttons: 8}}}),
		"layout of no name":        wire.Append(nil, wire.Layout{Variant: "nodeadkeys"}),
		"layout of a path":         wire.Append(nil, wire.Layout{Name: "../us"}),
		"layout of several":        wire.Append(nil, wire.Layout{Name: "us", Variant: "intl)+de"}),
		"cursor too large":         wire.Append(nil, wire.Cursor{Width: 129, Height: 1, Pixels: make([]byte, 129*4)}),
		"cursor not filled":        wire.Append(nil, wire.Cursor{Width: 2, Height: 2, Pixels: make([]byte, 12)}),
		"cursor flat":              wire.Append(nil, wire.Cursor{Width: 2}),
		"too many people":          {byte(wire.TypePeople), 65},
		"people cut short":         {byte(wire.TypePeople), 2, 1, 0},
		"no such wish":             {byte(wire.TypeAsk), 8, 0},
		"change of too much":       wire.Append(nil, wire.Change{Areas: make([]wire.Area, wire.MaxAreas+1)}),
		"change cut short":         append(wire.Append(nil, wire.Change{}), 0, 1),
		"tile outside":             wire.Append(nil, wire.Tile{Width: 256, Height: 128, Column: 2, Data: []byte{0}}),
		"tile of another coding":   wire.Append(nil, wire.Tile{Width: 256, Height: 128, Coding: 2, Data: []byte{0}}),
		"tile of nothing":          wire.Append(nil, wire.Tile{Width: 256, Height: 128}),
		"tile too large":           wire.Append(nil, wire.Tile{Width: 256, Height: 128, Data: make([]byte, wire.MaxTile+1)}),
		"cursor's hot spot beyond": wire.Append(nil, wire.Cursor{HotX: 3, Width: 2, Height: 1, Pixels: make([]byte, 8)}),
	} {
		if m, err := wire.Decode(b); err == nil {
			t.Errorf("%s: decoded as %#v", name, m)
		}
	}
}

// TestUnknownOfAMonitor: what a later version says of a monitor is skipped.
func TestUnknownOfAMonitor(t *testing.T) {
	t.Parallel()
	if m, err := wire.Decode([]byte{byte(wire.TypeMonitor), 2, 0x3f, 1, 2}); !errors.Is(err, wire.ErrUnknownType) {
		t.Errorf("read %v, %v, want ErrUnknownType", m, err)
	}
}

func TestDecodeViewerTakesInputOnly(t *testing.T) {
	t.Parallel()
	for _, m := range messages() {
		_, err := wire.DecodeViewer(wire.Append(nil, m))
		if ok := err == nil; ok != m.Type().FromViewer() {
			t.Errorf("%s: FromViewer %v, DecodeViewer: %v", name(m), m.Type().FromViewer(), err)
		}
	}
}

func TestVersion(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		lowest, highest uint16
		want            uint16
		ok              bool
	}{{1, 1, 1, true}, {1, 9, wire.HighestVersion, true}, {0, 1, 1, true}, {0, 0, 0, false}, {9, 10, 0, false}, {2, 1, 0, false}} {
		got, err := wire.Hello{Lowest: c.lowest, Highest: c.highest}.Version()
		if got != c.want || (err == nil) != c.ok {
			t.Errorf("versions %d to %d: got %d, %v", c.lowest, c.highest, got, err)
		}
	}
}

func TestConnSkipsUnknownAndEnds(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	b.Write([]byte{0, 0, 0, 3, 0xff, 1, 2})
	c := wire.NewConn(&b)
	if err := c.WriteMessage(wire.Ping{}); err != nil {
		t.Fatal(err)
	}
	if m, err := c.ReadMessage(); m != (wire.Ping{}) || err != nil {
		t.Errorf("got %#v, %v", m, err)
	}
	if _, err := c.ReadMessage(); !errors.Is(err, io.EOF) {
		t.Errorf("at the end: %v", err)
	}
}

func TestConnRefuses(t *testing.T) {
	t.Parallel()
	for name, in := range map[string]string{
		"length 0":       "\x00\x00\x00\x00",
		"length too big": "\x01\x00\x00\x01\x01",
		"cut short":      "\x00\x00\x00\x09\x01\x02",
	} {
		_, err := wire.NewConn(readWriter{strings.NewReader(in), io.Discard}).ReadMessage()
		if err == nil || errors.Is(err, io.EOF) {
			t.Errorf("%s: %v", name, err)
		}
	}
	c := wire.NewConn(readWriter{nil, io.Discard})
	if err := c.WriteMessage(wire.Video{Data: make([]byte, wire.MaxMessage)}); err == nil {
		t.Error("wrote more than MaxMessage")
	}
}

func TestConnTakesSeveralWriters(t *testing.T) {
	t.Parallel()
	a, b := net.Pipe()
	var wg sync.WaitGroup
	sender := wire.NewConn(a)
	const writers, each = 4, 50
	for range writers {
		wg.Go(func() {
			for range each {
				if err := sender.WriteMessage(wire.Video{Width: 320, Height: 200, Data: make([]byte, 1000)}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	receiver := wire.NewConn(b)
	for range writers * each {
		m, err := receiver.ReadMessage()
		if v, ok := m.(wire.Video); !ok || len(v.Data) != 1000 {
			t.Fatalf("got %T, %v", m, err)
		}
	}
	wg.Wait()
}

func FuzzDecode(f *testing.F) {
	for _, m := range messages() {
		f.Add(wire.Append(nil, m))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := wire.Decode(b)
		if err != nil {
			return
		}
		if again := wire.Append(nil, m); !bytes.Equal(b, again) {
			t.Errorf("%#v: read from %x, written as %x", m, b, again)
		}
	})
}

func FuzzReadMessage(f *testing.F) {
	for _, m := range messages() {
		var b bytes.Buffer
		if err := wire.NewConn(&b).WriteMessage(m); err != nil {
			f.Fatal(err)
		}
		f.Add(b.Bytes())
	}
	f.Fuzz(func(_ *testing.T, b []byte) {
		c := wire.NewConn(readWriter{bytes.NewReader(b), io.Discard})
		for {
			if _, err := c.ReadMessage(); err != nil {
				return
			}
		}
	})
}

func name(m wire.Message) string { return strings.TrimPrefix(fmt.Sprintf("%T", m), "wire.") }

type readWriter struct {
	io.Reader
	io.Writer
}
