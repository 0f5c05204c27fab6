package tree

import (
	"archive/tar"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"strconv"
	"strings"
)

// Names in an archive.
const (
	metaName = "backlot.json"
	topName  = "tree"
	sumName  = "backlot.sum"
)

// mostMeta bounds what metaName and sumName hold.
const mostMeta = 64 << 10

// metaFile is the content of metaName, sumFile that of sumName.
type metaFile struct {
	Format int  `json:"format"`
	Meta   Meta `json:"meta"`
}

type sumFile struct {
	Root  string `json:"root"`
	Files int64  `json:"files"`
	Bytes int64  `json:"bytes"`
}

const format = 1

// Keys of PAX records, beside those of POSIX.
const (
	paxXattr       = "SCHILY.xattr."
	paxSparseMajor = "GNU.sparse.major"
	paxSparseMinor = "GNU.sparse.minor"
	paxSparseName  = "GNU.sparse.name"
	paxSparseSize  = "GNU.sparse.realsize"
)

// What is "=" and "%" in the name of an attribute, as GNU tar has it in a key.
var (
	escapeKey   = strings.NewReplacer("%", "%25", "=", "%3D")
	unescapeKey = strings.NewReplacer("%25", "%", "%3D", "=")
)

const blockSize = 512

// tarWriter writes the tar that GNU tar calls "posix". archive/tar writes no sparse
// files.
type tarWriter struct {
	w    io.Writer
	left int64 // of the content of the entry begun last
	pad  int64
}

type paxRecord struct{ key, value string }

// begin writes the header of an entry; size bytes of content follow by Write.
func (t *tarWriter) begin(r *record, name string, typeflag byte, size int64, sparse []paxRecord) error {
	if err := t.end(); err != nil {
		return err
	}
	records := append([]paxRecord{
		{"path", name},
		{"mtime", fmt.Sprintf("%d.%09d", r.mtime.Sec, r.mtime.Nsec)},
		{"uid", strconv.FormatUint(uint64(r.uid), 10)},
		{"gid", strconv.FormatUint(uint64(r.gid), 10)},
		{"size", strconv.FormatInt(size, 10)},
	}, sparse...)
	if r.mtime.Sec < 0 && r.mtime.Nsec > 0 { // -1.75 is two seconds before and a quarter after
		records[1].value = fmt.Sprintf("-%d.%09d", -(r.mtime.Sec + 1), 1e9-r.mtime.Nsec)
	}
	link := ""
	if r.target != "" {
		link = r.target
		if r.kind == anotherName {
			link = path.Join(topName, link)
		}
		records = append(records, paxRecord{"linkpath", link})
	}
	for _, x := range r.xattrs {
		records = append(records, paxRecord{paxXattr + escapeKey.Replace(x.name), x.value})
	}
	var pax []byte
	for _, p := range records {
		pax = appendPAX(pax, p)
	}
	const longest = 1 << 20 // as readers have it
	if len(pax) > longest {
		return fmt.Errorf("%s: more than %d bytes of extended attributes", r.path, longest)
	}
	if err := t.block(header(&record{mode: 0o600}, "backlot.pax", tar.TypeXHeader, int64(len(pax)), "")); err != nil {
		return err
	}
	t.expect(int64(len(pax)))
	if _, err := t.Write(pax); err != nil {
		return err
	}
	if err := t.end(); err != nil {
		return err
	}
	t.expect(size)
	return t.block(header(r, name, typeflag, size, link))
}

// appendPAX appends a record, which begins with its own length.
func appendPAX(b []byte, p paxRecord) []byte {
	rest := " " + p.key + "=" + p.value + "\n"
	length := len(rest) + 1
	for len(strconv.Itoa(length))+len(rest) > length {
		length++
	}
	return append(append(b, strconv.Itoa(length)...), rest...)
}

func (t *tarWriter) expect(size int64) { t.left, t.pad = size, (blockSize-size%blockSize)%blockSize }

// Write writes content.
func (t *tarWriter) Write(b []byte) (int, error) {
	if t.left -= int64(len(b)); t.left < 0 {
		return 0, errors.New("more content than the header says")
	}
	return t.w.Write(b)
}

func (t *tarWriter) end() error {
	if t.left != 0 {
		return errors.New("less content than the header says")
	}
	_, err := t.w.Write(zeros[:t.pad])
	t.pad = 0
	return err
}

// close ends the archive.
func (t *tarWriter) close() error {
	if err := t.end(); err != nil {
		return err
	}
	_, err := t.w.Write(zeros[:2*blockSize])
	return err
}

func (t *tarWriter) block(b [blockSize]byte) error {
	_, err := t.w.Write(b[:])
	return err
}

// header is a ustar header. What does not fit is in the PAX records before it.
func header(r *record, name string, typeflag byte, size int64, link string) (b [blockSize]byte) {
	octal := func(field []byte, n int64) {
		digits := strconv.FormatInt(n, 8)
		if n < 0 || len(digits) > len(field)-1 {
			digits = "0"
		}
		copy(field, strings.Repeat("0", len(field)-1-len(digits))+digits)
	}
	copy(b[0:100], name)
	octal(b[100:108], int64(r.mode))
	octal(b[108:116], int64(r.uid))
	octal(b[116:124], int64(r.gid))
	octal(b[124:136], size)
	octal(b[136:148], r.mtime.Sec)
	copy(b[148:156], "        ") // the checksum counts as spaces
	b[156] = typeflag
	copy(b[157:257], link)
	copy(b[257:265], "ustar\x0000")
	octal(b[329:337], 0) // a whiteout's device number
	octal(b[337:345], 0)
	sum := int64(0)
	for _, c := range b {
		sum += int64(c)
	}
	octal(b[148:155], sum)
	return b
}

// sparseMap is what precedes the content of a sparse file.
func sparseMap(all []segment, size int64) []byte {
	if n := len(all); n == 0 || all[n-1].offset+all[n-1].length < size {
		all = append(slices.Clip(all), segment{size, 0})
	}
	b := fmt.Appendf(nil, "%d\n", len(all))
	for _, s := range all {
		b = fmt.Appendf(b, "%d\n%d\n", s.offset, s.length)
	}
	return append(b, make([]byte, (blockSize-len(b)%blockSize)%blockSize)...)
}
