package gateway

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/pion/rtp"
	"github.com/pion/webrtc/v4"
)

// sent remembers packets.
type sent struct {
	headers  []rtp.Header
	payloads []string
}

func (s *sent) WriteRTP(h *rtp.Header, payload []byte) (int, error) {
	s.headers = append(s.headers, h.Clone())
	s.payloads = append(s.payloads, string(payload))
	return len(payload), nil
}

func (s *sent) Write(b []byte) (int, error) { return len(b), nil }

func TestLostPacketsAreSentAgain(t *testing.T) {
	t.Parallel()
	var out sent
	tr := &track{mime: webrtc.MimeTypeH264, out: &out, agreed: map[profile]uint8{profileBaseline: 1, profileFullColour: 2}, numbered: 3, kept: make([]kept, keptPackets)}
	for i, payload := range []string{"a", "b", "c"} {
		tr.next([]profile{profileBaseline, profileFullColour, profileBaseline}[i])
		if err := tr.write([]byte(payload), uint32(i), i == 1); err != nil {
			t.Fatal(err)
		}
	}
	tr.again([]uint16{out.headers[1].SequenceNumber, 1000})
	if err := tr.write([]byte("d"), 3, false); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"a", "b", "c", "b", "d"}, out.payloads); diff != "" {
		t.Fatalf("sent (-want +got):\n%s", diff)
	}
	was, again, next := out.headers[1], out.headers[3], out.headers[4]
	if diff := cmp.Diff(was, again, cmpopts.IgnoreFields(rtp.Header{}, "Extensions"), cmpopts.IgnoreUnexported(rtp.Extension{})); diff != "" {
		t.Errorf("sent again (-first +again):\n%s", diff)
	}
	if a, b := was.GetExtension(3), again.GetExtension(3); cmp.Equal(a, b) {
		t.Errorf("sent again with the number %v that it had before: it would not be known when it arrived", b)
	}
	if next.SequenceNumber != out.headers[2].SequenceNumber+1 || next.PayloadType != 1 || next.Timestamp != 3 {
		t.Errorf("after it comes %v", next)
	}
}
