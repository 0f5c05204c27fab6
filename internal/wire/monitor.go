package wire

// TypeMonitor is between streamer and gateway, both ways.
const TypeMonitor Type = 0x26

// TypeUnplug is from gateway to streamer.
const TypeUnplug Type = 0x49

// TypeMonitors is from streamer to gateway, which passes it on to the pages.
const TypeMonitors Type = 0x27

// MaxMonitors is how many monitors a desktop has at most.
const MaxMonitors = 4

// Monitor is a message that is about a monitor other than the first, to which the same
// messages by themselves belong: what is seen of it, and what its viewers ask for and
// point at, in its own pixels. A Resize of one that is not there plugs it in.
type Monitor struct {
	// Number is 2 to MaxMonitors.
	Number  uint8
	Message Message
}

// Unplug takes a monitor away. It is only ever in a Monitor.
type Unplug struct{}

// Monitors says which monitors there are: bit 0 is the first. Who says it lets others be
// plugged in.
type Monitors struct{ There uint8 }

// Type is TypeMonitor.
func (Monitor) Type() Type { return TypeMonitor }

// Type is TypeUnplug.
func (Unplug) Type() Type { return TypeUnplug }

// Type is TypeMonitors.
func (Monitors) Type() Type { return TypeMonitors }

func (m Monitor) write(w *writer) {
	w.b = append(w.b, m.Number, byte(m.Message.Type()))
	m.Message.write(w)
}

func (Unplug) write(*writer)       {}
func (m Monitors) write(w *writer) { w.b = append(w.b, m.There) }

// monitor is nil for a message of unknown type in a Monitor.
func (r *reader) monitor() Message {
	number, t := r.u8(), Type(r.u8())
	switch {
	case number < 2 || number > MaxMonitors:
		r.fail("no such monitor")
	case t == TypeMonitor:
		r.fail("a monitor in a monitor")
	}
	if r.err != nil {
		return Monitor{}
	}
	m := read(t, r)
	if m == nil {
		return nil
	}
	return Monitor{number, m}
}
