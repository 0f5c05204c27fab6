package wire

// TypeStats is from streamer to gateway, which passes it on to the pages.
const TypeStats Type = 0x24

// From gateway to page.
const (
	TypeStanding Type = iota + 0xc8
	TypePeople
	TypeShared
	TypeNotice
)

// From page to gateway; Echo comes back as it was.
const (
	TypeAsk Type = iota + 0xcc
	TypeEcho
)

// TypeLooked is from gateway to page.
const TypeLooked Type = 0xd9

// MaxPeople is how many people look at one session at most.
const MaxPeople = 64

// Stats says, once a second while somebody looks, what the streamer was busy with:
// means of the frames of that second, all 0 when there was none.
type Stats struct {
	Frames                      uint16
	CaptureMicros, EncodeMicros uint32
	Bytes                       uint32
}

// Standing says what a page may do, and when the session ends by itself.
type Standing struct {
	// Control: its keys and pointer reach the desktop. Share: it may let others in,
	// and takes control back. Stop: it may stop the session.
	Control, Share, Stop bool
	// Keeps tells that the session is stopped at its end and not deleted.
	Keeps bool
	// SecondsLeft until then; Endless: it does not end by itself.
	SecondsLeft uint32
}

// Endless in Standing.SecondsLeft.
const Endless = 0xffff_ffff

// People are those who look at the session. A new list replaces the one before.
type People struct{ People []Person }

// Person is one of them, whatever number of pages they have open.
type Person struct {
	// Number is the same for as long as the person stays.
	Number uint8
	// You are who gets the message. Guest came by a link, and Visitor is neither
	// guest nor owner: an administrator.
	You, Control, Guest, Visitor bool
	Name                         string
}

// Shared says by which link others may come in, and what they may do then. No link: none.
type Shared struct {
	Control bool
	Link    string
}

// Looked tells the owner, who was away then, of a visitor, and how long ago that one looked last.
type Looked struct {
	SecondsAgo uint32
	Name       string
}

// Notice is a sentence for the user: why something that was asked for was not done.
type Notice struct{ Text string }

// Wish is what a page can ask for.
type Wish uint8

// The wishes. Of those about a person, Ask.Person is the number.
const (
	// WishStop: stop the session.
	WishStop Wish = iota + 1
	// WishWatched: share the session with people who may watch.
	WishWatched
	// WishHelped: share it with people who may take keys and pointer.
	WishHelped
	// WishPrivate: end sharing; guests leave.
	WishPrivate
	// WishControl: nobody but the person who asks has control from now on, whatever
	// the link says.
	WishControl
	// WishGive: a person gets control.
	WishGive
	// WishTake: a person loses control.
	WishTake
)

// Ask asks for something that is not the desktop's matter.
type Ask struct {
	Wish   Wish
	Person uint8
}

// Echo measures the way between page and gateway.
type Echo struct{ Token uint32 }

// Type is TypeStats.
func (Stats) Type() Type { return TypeStats }

// Type is TypeStanding.
func (Standing) Type() Type { return TypeStanding }

// Type is TypePeople.
func (People) Type() Type { return TypePeople }

// Type is TypeShared.
func (Shared) Type() Type { return TypeShared }

// Type is TypeLooked.
func (Looked) Type() Type { return TypeLooked }

// Type is TypeNotice.
func (Notice) Type() Type { return TypeNotice }

// Type is TypeAsk.
func (Ask) Type() Type { return TypeAsk }

// Type is TypeEcho.
func (Echo) Type() Type { return TypeEcho }

func (m Stats) write(w *writer) {
	w.u16(m.Frames)
	w.u32(m.CaptureMicros)
	w.u32(m.EncodeMicros)
	w.u32(m.Bytes)
}

func (m Standing) write(w *writer) {
	w.bool(m.Control)
	w.bool(m.Share)
	w.bool(m.Stop)
	w.bool(m.Keeps)
	w.u32(m.SecondsLeft)
}

func (m People) write(w *writer) {
	people := m.People[:min(len(m.People), MaxPeople)]
	w.b = append(w.b, uint8(len(people)))
	for _, p := range people {
		w.b = append(w.b, p.Number)
		w.bool(p.You)
		w.bool(p.Control)
		w.bool(p.Guest)
		w.bool(p.Visitor)
		w.text(p.Name)
	}
}

func (m Shared) write(w *writer) {
	w.bool(m.Control)
	w.text(m.Link)
}

func (m Looked) write(w *writer) {
	w.u32(m.SecondsAgo)
	w.text(m.Name)
}

func (m Notice) write(w *writer) { w.text(m.Text) }
func (m Echo) write(w *writer)   { w.u32(m.Token) }
func (m Ask) write(w *writer)    { w.b = append(w.b, byte(m.Wish), m.Person) }

func (r *reader) standing() Standing {
	return Standing{r.bool(), r.bool(), r.bool(), r.bool(), r.u32()}
}

func (r *reader) people() (m People) {
	n := r.u8()
	if n > MaxPeople {
		r.fail("too many people")
	}
	for range n {
		if r.err != nil {
			break
		}
		m.People = append(m.People, Person{r.u8(), r.bool(), r.bool(), r.bool(), r.bool(), r.text()})
	}
	return m
}

func (r *reader) ask() Ask {
	m := Ask{Wish(r.u8()), r.u8()}
	if m.Wish < WishStop || m.Wish > WishTake {
		r.fail("no such wish")
	}
	return m
}
