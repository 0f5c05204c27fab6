package tree

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// record is a file in a manifest: one line of text. The line of a directory comes
// after those of what it holds, and its hash is that of the lines of what is
// directly in it, so that the hash of the top's line names the whole tree.
type record struct {
	kind       kind
	mode       uint32 // without the kind
	uid, gid   uint32
	mtime      unix.Timespec
	size       int64  // of a regular file
	rdev       uint64 // of a device
	hash       Hash   // of a regular file's content, of a directory's lines
	unreadable bool   // in place of the hash
	path       string // below the top, "." for that
	target     string // of a symbolic link; of another name, the first one's path
	xattrs     []xattr
}

type xattr struct{ name, value string }

type kind byte

const (
	directory   kind = 'd'
	regular     kind = 'f'
	symlink     kind = 'l'
	anotherName kind = 'h' // of a file that came before; nothing else is told
	pipe        kind = 'p'
	charDevice  kind = 'c'
	blockDevice kind = 'b'
	unknown     kind = '?' // the disk does not tell
)

const kinds = "dflhpcb?"

const unreadableHash = "unreadable"

// appendLine appends the line of a record, which is the same for the same record.
func (r *record) appendLine(line []byte) []byte {
	number := r.size
	if r.rdev != 0 {
		number = int64(r.rdev)
	}
	line = fmt.Appendf(line, "%c %04o %d %d %d.%09d %d ", r.kind, r.mode, r.uid, r.gid, r.mtime.Sec, r.mtime.Nsec, number)
	switch {
	case r.unreadable:
		line = append(line, unreadableHash...)
	case r.kind == directory || r.kind == regular:
		line = append(line, r.hash.String()...)
	default:
		line = append(line, '-')
	}
	line = strconv.AppendQuoteToASCII(append(line, ' '), r.path)
	line = strconv.AppendQuoteToASCII(append(line, ' '), r.target)
	for _, x := range r.xattrs {
		line = strconv.AppendQuoteToASCII(append(line, ' '), x.name)
		line = strconv.AppendQuoteToASCII(append(line, '='), x.value)
	}
	return append(line, '\n')
}

// parseLine reads what appendLine wrote, and nothing else.
func parseLine(line []byte) (*record, error) {
	bad := fmt.Errorf("line of a manifest: %w", ErrDamaged)
	fields := strings.SplitN(strings.TrimSuffix(string(line), "\n"), " ", 8)
	if len(fields) != 8 || len(fields[0]) != 1 || !strings.Contains(kinds, fields[0]) {
		return nil, bad
	}
	p := parser{rest: fields[7]}
	r := &record{kind: kind(fields[0][0])}
	r.mode = uint32(p.number(fields[1], 8, 32))
	r.uid = uint32(p.number(fields[2], 10, 32))
	r.gid = uint32(p.number(fields[3], 10, 32))
	seconds, nanos, _ := strings.Cut(fields[4], ".")
	r.mtime.Sec = p.signed(seconds)
	r.mtime.Nsec = int64(p.number(nanos, 10, 31))
	number := p.signed(fields[5])
	if r.kind == charDevice || r.kind == blockDevice {
		r.rdev = uint64(number)
	} else {
		r.size = number
	}
	switch fields[6] {
	case "-":
	case unreadableHash:
		r.unreadable = true
	default:
		hash, err := ParseHash(fields[6])
		r.hash, p.failed = hash, p.failed || err != nil
	}
	r.path = p.quoted()
	p.skip(" ")
	r.target = p.quoted()
	for p.rest != "" && !p.failed {
		p.skip(" ")
		x := xattr{name: p.quoted()}
		p.skip("=")
		x.value = p.quoted()
		r.xattrs = append(r.xattrs, x)
	}
	if p.failed || !bytes.Equal(r.appendLine(nil), line) {
		return nil, bad
	}
	return r, nil
}

// parser takes a line apart; it goes on after a failure, which it remembers.
type parser struct {
	rest   string
	failed bool
}

func (p *parser) number(s string, base, bits int) uint64 {
	n, err := strconv.ParseUint(s, base, bits)
	p.failed = p.failed || err != nil
	return n
}

func (p *parser) signed(s string) int64 {
	n, err := strconv.ParseInt(s, 10, 64)
	p.failed = p.failed || err != nil
	return n
}

func (p *parser) quoted() string {
	quoted, err := strconv.QuotedPrefix(p.rest)
	if err != nil {
		p.failed = true
		return ""
	}
	p.rest = p.rest[len(quoted):]
	s, err := strconv.Unquote(quoted)
	p.failed = p.failed || err != nil
	return s
}

func (p *parser) skip(prefix string) {
	rest, ok := strings.CutPrefix(p.rest, prefix)
	p.rest, p.failed = rest, p.failed || !ok
}

// compare orders paths as a manifest has them: by name, directory by directory,
// a directory after all that is in it.
func compare(a, b string) int {
	switch {
	case a == b:
		return 0
	case a == ".":
		return 1
	case b == ".":
		return -1
	}
	for i := range min(len(a), len(b)) {
		switch {
		case a[i] == b[i]:
		case a[i] == '/': // the name in a ends here
			return -1
		case b[i] == '/':
			return 1
		default:
			return cmp.Compare(a[i], b[i])
		}
	}
	switch {
	case len(a) > len(b):
		return -compare(b, a)
	case b[len(a)] == '/': // b is in a
		return 1
	default:
		return -1
	}
}

// differences names what is not the same in two records of one path.
func differences(want, found *record) (changes []Change) {
	if found.kind == unknown || found.unreadable && !want.unreadable {
		changes = append(changes, Unreadable)
	}
	if found.kind == unknown {
		return changes
	}
	if want.kind != found.kind {
		return append(changes, Kind)
	}
	for _, c := range []struct {
		change  Change
		differs bool
	}{
		{Contents, want.size != found.size || want.rdev != found.rdev || want.target != found.target},
		{Contents, want.kind == regular && !want.unreadable && !found.unreadable && want.hash != found.hash},
		{Mode, want.mode != found.mode},
		{Owner, want.uid != found.uid || want.gid != found.gid},
		{Modified, want.mtime != found.mtime},
		{Attributes, !slices.Equal(want.xattrs, found.xattrs)},
	} {
		if c.differs && !slices.Contains(changes, c.change) {
			changes = append(changes, c.change)
		}
	}
	return changes
}
