package tree

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"

	"github.com/klauspost/compress/zstd"
)

// A manifest is lines compressed by zstd: a title, the records, and at the end what
// they come to and a hash of all lines before.
const (
	title   = "backlot tree 1\n"
	endLine = "end %d %d %d %s\n" // files, bytes, unreadable files, hash
	// longestLine has room for a path and all that file systems let be attributes.
	longestLine = 16 << 20
)

type manifestWriter struct {
	out *zstd.Encoder
	sum hash.Hash
}

func newManifestWriter(w io.Writer) (*manifestWriter, error) {
	out, err := zstd.NewWriter(w, zstd.WithEncoderConcurrency(1))
	if err != nil {
		return nil, err
	}
	m := &manifestWriter{out, sha256.New()}
	return m, m.write([]byte(title))
}

func (m *manifestWriter) add(_ *record, line []byte) error { return m.write(line) }

func (m *manifestWriter) write(line []byte) error {
	m.sum.Write(line)
	_, err := m.out.Write(line)
	return err
}

func (m *manifestWriter) close(s Summary) error {
	_, err := fmt.Fprintf(m.out, endLine, s.Files, s.Bytes, s.Unreadable, Hash(m.sum.Sum(nil)))
	return errors.Join(err, m.out.Close())
}

// manifestReader reads records. What is returned before the end may still turn out
// to be damaged.
type manifestReader struct {
	in      *zstd.Decoder
	lines   *bufio.Scanner
	sum     hash.Hash
	last    string // path of the record before
	summary Summary
	ended   bool
}

// newDecoder is a zstd decoder that no input makes take much memory.
func newDecoder(r io.Reader) (*zstd.Decoder, error) {
	return zstd.NewReader(r, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(32<<20), zstd.WithDecoderLowmem(true))
}

func newManifestReader(r io.Reader) (*manifestReader, error) {
	in, err := newDecoder(r)
	if err != nil {
		return nil, err
	}
	m := &manifestReader{in: in, lines: bufio.NewScanner(in), sum: sha256.New()}
	m.lines.Buffer(nil, longestLine)
	m.lines.Split(wholeLines)
	if !m.lines.Scan() || m.lines.Text() != title {
		in.Close()
		return nil, m.damaged("it has no title")
	}
	m.sum.Write(m.lines.Bytes())
	return m, nil
}

// wholeLines keeps the end of each line and takes none without.
func wholeLines(data []byte, atEOF bool) (int, []byte, error) {
	if i := bytes.IndexByte(data, '\n'); i >= 0 {
		return i + 1, data[:i+1], nil
	}
	if atEOF && len(data) > 0 {
		return 0, nil, io.ErrUnexpectedEOF
	}
	return 0, nil, nil
}

// next returns the next record, or io.EOF when all were as they were written.
func (m *manifestReader) next() (*record, error) {
	if m.ended {
		return nil, io.EOF
	}
	if !m.lines.Scan() {
		return nil, m.damaged("it ends too early")
	}
	line := m.lines.Bytes()
	if bytes.HasPrefix(line, []byte("end ")) {
		return nil, m.end(line)
	}
	r, err := parseLine(line)
	if err != nil {
		return nil, err
	}
	if m.last == "." || m.last != "" && compare(m.last, r.path) >= 0 {
		return nil, m.damaged("its lines are out of order")
	}
	m.last = r.path
	m.sum.Write(line)
	m.summary.add(r)
	if r.path == "." {
		m.summary.Root = sha256.Sum256(line)
	}
	return r, nil
}

func (m *manifestReader) end(line []byte) error {
	m.ended = true
	s := m.summary
	want := fmt.Appendf(nil, endLine, s.Files, s.Bytes, s.Unreadable, Hash(m.sum.Sum(nil)))
	if !bytes.Equal(line, want) || m.last != "." {
		return m.damaged("its checksum differs")
	}
	if m.lines.Scan() || m.lines.Err() != nil { // zstd's own checksum comes last
		return m.damaged("something comes after its end")
	}
	return io.EOF
}

func (m *manifestReader) damaged(why string) error {
	return fmt.Errorf("manifest: %s: %w", why, errors.Join(ErrDamaged, m.lines.Err()))
}

func (m *manifestReader) close() { m.in.Close() }

// Load checks a manifest and returns what Sum returned. ErrDamaged: it is not what
// Sum wrote.
func Load(ctx context.Context, file string) (Summary, error) {
	f, err := os.Open(file)
	if err != nil {
		return Summary{}, err
	}
	defer f.Close()
	s, err := load(ctx, f)
	if err != nil {
		return Summary{}, fmt.Errorf("load %s: %w", file, err)
	}
	return s, nil
}

func load(ctx context.Context, r io.Reader) (Summary, error) {
	m, err := newManifestReader(r)
	if err != nil {
		return Summary{}, err
	}
	defer m.close()
	for {
		_, err := m.next()
		if errors.Is(err, io.EOF) {
			return m.summary, nil
		}
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			return Summary{}, err
		}
	}
}
