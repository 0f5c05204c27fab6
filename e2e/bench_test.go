package e2e_test

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

// BenchmarkSession measures what an artist waits for, each against the same made
// by hand in the same run. Times are medians of the iterations, in ms.
func BenchmarkSession(b *testing.B) {
	s := newServer(b)
	// What the caches of a first run cost is not what is asked.
	warm := s.createSession()
	warm.until("READY")
	warm.delete()
	warm.until("DELETED")
	floor(b, "backlot-floor-warm")

	took := map[string][]time.Duration{}
	note := func(what string, d time.Duration) { took[what] = append(took[what], d) }
	for i := range b.N {
		note("floor", floor(b, fmt.Sprintf("backlot-floor-%d", i)))

		work := s.createSession()
		note("create", work.until("READY"))
		s.inHome("dd if=/dev/urandom of=small bs=1M count=1 conv=fsync 2>/dev/null")
		work.stop()
		note("stop", work.until("STOPPED"))
		work.start("")
		note("start", work.until("READY"))
		work.stop()
		work.until("STOPPED")
		note("snapshot-floor", s.snapshotFloor(b))
		work.start(*work.backups()[0].BackupId)
		note("restore-1MiB", work.until("READY"))

		s.inHome("dd if=/dev/zero of=large bs=1M count=2048 conv=fsync 2>/dev/null")
		work.stop()
		note("stop-2GiB", work.until("STOPPED"))
		note("snapshot-floor-2GiB", s.snapshotFloor(b))
		work.start(*work.backups()[0].BackupId)
		note("restore-2GiB", work.until("READY"))
		work.delete()
		note("delete", work.until("DELETED"))
	}
	median := map[string]float64{}
	for what, all := range took {
		slices.Sort(all)
		median[what] = float64(all[len(all)/2].Microseconds()) / 1000
		b.ReportMetric(median[what], what+"-ms")
	}
	b.ReportMetric(median["create"]/median["floor"], "create/floor")
	b.ReportMetric(median["start"]/median["floor"], "start/floor")
	b.ReportMetric(median["restore-1MiB"]/(median["floor"]+median["snapshot-floor"]), "restore-1MiB/floor")
	b.ReportMetric(median["restore-2GiB"]/(median["floor"]+median["snapshot-floor-2GiB"]), "restore-2GiB/floor")
	b.ReportMetric(median["restore-2GiB"]/median["restore-1MiB"], "restore-2GiB/1MiB")
	b.ReportMetric(0, "ns/op") // the whole of an iteration says nothing
}

// BenchmarkSessionIdle measures what a server takes at rest, and what a session
// takes that nobody looks at, over ten seconds each.
func BenchmarkSessionIdle(b *testing.B) {
	const span = 10 * time.Second
	s := newServer(b)
	for range b.N {
		time.Sleep(2 * time.Second) // what starting it still costs
		server := s.cmd.Process.Pid
		before, _ := usage(b, server)
		time.Sleep(span)
		after, resident := usage(b, server)
		b.ReportMetric((after-before)/span.Seconds()*100, "server-cpu-%")
		b.ReportMetric(resident/(1<<20), "server-MiB")

		work := s.createSession()
		work.until("READY")
		time.Sleep(2 * time.Second)
		streamer := s.process("streamer")
		serverBefore, _ := usage(b, server)
		streamerBefore, _ := usage(b, streamer)
		time.Sleep(span)
		serverAfter, residentNow := usage(b, server)
		streamerAfter, streamerResident := usage(b, streamer)
		b.ReportMetric((serverAfter-serverBefore+streamerAfter-streamerBefore)/span.Seconds()*100, "session-cpu-%")
		b.ReportMetric((streamerResident+residentNow-resident)/(1<<20), "session-MiB")
		work.delete()
		work.until("DELETED")
	}
	b.ReportMetric(0, "ns/op")
}

// until waits for the state and tells how long that took. It reads the server's
// log: asking the API again and again would take a good part of what is measured.
func (s streamingSession) until(state string) time.Duration {
	s.t.Helper()
	began := time.Now()
	for s.logged() != state {
		if now := s.logged(); strings.HasSuffix(now, "_FAILED") || time.Since(began) > time.Minute {
			s.t.Fatalf("session is %s, not %s", now, state)
		}
		time.Sleep(time.Millisecond)
	}
	took := time.Since(began)
	if now := *s.get().State; now != state {
		s.t.Fatalf("the log says %s, the API %s", state, now)
	}
	return took
}

// logged is the state the session has by the server's log.
func (s streamingSession) logged() string {
	s.log.mu.Lock()
	defer s.log.mu.Unlock()
	text := s.log.bytes.Bytes()
	last := bytes.LastIndex(text, []byte("msg=session session_id="+s.id+" "))
	if last < 0 {
		return ""
	}
	_, after, _ := bytes.Cut(text[last:], []byte(" state="))
	state, _, _ := bytes.Cut(after, []byte(" "))
	return string(state)
}
