package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"runtime"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"

	"github.com/backlot/backlot/internal/access"
	"github.com/backlot/backlot/internal/api"
	"github.com/backlot/backlot/internal/config"
	"github.com/backlot/backlot/internal/reconcile"
	"github.com/backlot/backlot/internal/studio"
	"github.com/backlot/backlot/internal/testkit"
	volumefake "github.com/backlot/backlot/internal/volume/fake"
	workstationfake "github.com/backlot/backlot/internal/workstation/fake"
)

var (
	benchRows     = flag.Int("rows", 100_000, "most sessions that lists are measured with")
	benchRequests = flag.Int("requests", 100_000, "how many requests memory is measured over")
)

// BenchmarkAPI measures signed requests over sockets of this machine, each against
// a bare net/http handler that signs the request again with the same library and
// answers with the same bytes, in the same run.
func BenchmarkAPI(b *testing.B) {
	b.Run("SQLite", func(b *testing.B) { benchmarkAPI(b, func(*testing.B) string { return "" }) })
	b.Run("PostgreSQL", func(b *testing.B) {
		benchmarkAPI(b, func(b *testing.B) string { return testkit.NewPostgres(b).URL })
	})
}

// benchmarkAPI measures with stores of one kind, of which database makes an empty one.
func benchmarkAPI(b *testing.B, database func(*testing.B) string) {
	small := newBenchWorld(b, database(b), 1000)
	b.Run("Get", func(b *testing.B) { small.compare(b, http.MethodGet, small.session, "") })
	b.Run("List", func(b *testing.B) {
		for rows := 1000; rows <= *benchRows; rows *= 10 {
			if rows == 10_000 {
				continue
			}
			b.Run(fmt.Sprintf("rows=%d", rows), func(b *testing.B) {
				w := small
				if rows > 1000 {
					w = newBenchWorld(b, database(b), rows)
				}
				w.compare(b, http.MethodGet, w.sessions, "")
			})
		}
	})
	b.Run("Create", func(b *testing.B) {
		w := newBenchWorld(b, database(b), 0)
		b.Cleanup(w.runLoop(b))
		w.compare(b, http.MethodPost, w.sessions, `{"launchProfileId":"`+w.profile+`","ec2InstanceType":"g4dn.xlarge","ownedBy":"somebody"}`)
	})
	b.Run("Memory", func(b *testing.B) {
		request := small.sign(b, small.url, http.MethodGet, small.session, "")
		load(b, small.url, request, 8, *benchRequests/10)
		heapBefore, allBefore := memory(b)
		load(b, small.url, request, 8, *benchRequests)
		heapAfter, allAfter := memory(b)
		b.ReportMetric(0, "ns/op")
		b.ReportMetric(heapBefore, "MiB-heap-before")
		b.ReportMetric(heapAfter, "MiB-heap-after")
		b.ReportMetric(allBefore, "MiB-resident-before")
		b.ReportMetric(allAfter, "MiB-resident-after")
	})
}

// memory is the heap in use after a collection, and what the process has of the
// machine, in MiB.
func memory(b *testing.B) (heap, resident float64) {
	b.Helper()
	debug.FreeOSMemory()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	text, err := os.ReadFile("/proc/self/statm")
	noError(b, err)
	pages, err := strconv.Atoi(strings.Fields(string(text))[1])
	noError(b, err)
	return float64(m.HeapAlloc) / (1 << 20), float64(pages*os.Getpagesize()) / (1 << 20)
}

// benchWorld is an API on a store of its own, behind a socket.
type benchWorld struct {
	known             *records
	service           *studio.Service
	key               aws.Credentials
	url               string
	profile           string
	template          string // the id of the first session
	sessions, session string // paths
}

// somewhere knows every user and machine image.
type somewhere struct{}

func (somewhere) Known(context.Context, string, string) (bool, error)    { return true, nil }
func (somewhere) Platform(context.Context, string) (string, bool, error) { return "LINUX", true, nil }
func (somewhere) Lower(context.Context, string) ([]string, error)        { return []string{"/"}, nil }
func (somewhere) Disconnect(string)                                      {}

// newBenchWorld makes a studio with that many sessions, in an empty database of
// PostgreSQL, or in SQLite where url is empty.
func newBenchWorld(b *testing.B, url string, rows int) *benchWorld {
	b.Helper()
	ctx, quiet := b.Context(), slog.New(slog.DiscardHandler)
	known, err := openRecords(ctx, config.Config{Data: b.TempDir(), Region: "us-west-2", Store: config.Store{URL: url}}, quiet)
	noError(b, err)
	b.Cleanup(func() { noError(b, known.store.Close()) })
	policies, err := access.New(access.Config{})
	noError(b, err)
	types, _, err := instanceTypes(nil)
	noError(b, err)
	service, err := studio.New(studio.Config{
		Store: known.store, Access: policies, Users: somewhere{}, Images: somewhere{}, Account: "123456789012", Region: "us-west-2",
		StudioURL: func(string) string { return "http://localhost" },
		StreamURL: func(string, string, string) string { return "http://localhost" },
		Secret:    known.installation.Secret, Clock: time.Now, Random: rand.Reader,
		InstanceTypes: types,
		Quotas:        studio.Quotas{Sessions: 1 << 40},
		Log:           quiet,
	})
	noError(b, err)
	key, secret, err := known.directory.CreateKey(ctx, administrator)
	noError(b, err)
	server := httptest.NewServer(api.New(api.Config{
		Service: service, Keys: known.directory, Region: "us-west-2", Log: quiet, Now: time.Now, Rate: 1e9, Burst: 1e9,
	}))
	b.Cleanup(server.Close)
	w := &benchWorld{known: known, service: service, url: server.URL, key: aws.Credentials{AccessKeyID: key.ID, SecretAccessKey: secret}}
	stop := w.runLoop(b)
	w.seed(b)
	stop()
	w.fill(b, rows)
	return w
}

// runLoop brings on what is in the store, with fake drivers, until stop is called.
func (w *benchWorld) runLoop(b testing.TB) (stop func()) {
	b.Helper()
	loop := reconcile.New(reconcile.Config{
		Studio: w.service, Leases: w.known.store, Workstations: &workstationfake.Driver{}, Images: somewhere{}, Viewers: somewhere{},
		Volumes: &volumefake.Driver{Dir: b.TempDir(), FreeBytes: 1 << 50}, Holder: "bench", StateDir: b.TempDir(),
		Credential: func(string) string { return "secret" }, SocketDir: b.TempDir(), Log: slog.New(slog.DiscardHandler),
	})
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { _ = loop.Run(ctx) }) // it ends by being cancelled
	return func() { cancel(); running.Wait() }
}

// seed makes a studio, its launch profile and one session.
func (w *benchWorld) seed(b *testing.B) {
	b.Helper()
	ctx := b.Context()
	id, err := seedStudio(ctx, config.Config{AccountID: "123456789012"}, w.service)
	noError(b, err)
	component, err := seedComponent(ctx, w.service, id)
	noError(b, err)
	imageID, err := seedImage(ctx, w.service, id)
	noError(b, err)
	w.profile, err = seedProfile(ctx, w.service, id, component, imageID)
	noError(b, err)
	owner := "somebody"
	made, err := w.service.CreateStreamingSession(ctx, administrator, &studio.CreateStreamingSessionRequest{
		StudioID: id, LaunchProfileID: w.profile, OwnedBy: &owner, EC2InstanceType: new("g4dn.xlarge"),
	})
	noError(b, err)
	w.sessions = api.Prefix + "studios/" + strings.ReplaceAll(id, ":", "%3A") + "/streaming-sessions"
	w.template = made.Session.SessionID
	w.session = w.sessions + "/" + strings.ReplaceAll(w.template, ":", "%3A")
}

// fill adds sessions like the first until there are that many, all READY.
func (w *benchWorld) fill(b *testing.B, rows int) {
	b.Helper()
	var first studio.Session
	noError(b, w.known.store.Read(b.Context(), func(tx studio.Tx) error { return tx.Find(b.Context(), w.template, &first) }))
	const batch = 10_000
	for from := 1; from < rows; from += batch {
		noError(b, w.known.store.Write(b.Context(), time.Now(), func(tx studio.Tx) error {
			for i := from; i < min(from+batch, rows); i++ {
				s := studio.Session{StreamingSession: first.StreamingSession, StudioID: first.StudioID, Run: 1, Key: "k" + strconv.Itoa(i)}
				s.SessionID = first.StudioID + fmt.Sprintf(".%022d", i)
				s.State, s.CreatedAt = studio.Ready, first.CreatedAt.Add(-time.Duration(i)*time.Second)
				s.StopAt = time.Now().Add(24 * time.Hour)
				if err := tx.Save(b.Context(), &s); err != nil {
					return err
				}
			}
			return nil
		}))
	}
}

// compare measures a request with 1, 8 and 64 clients, in turns with the bare
// handler: other work on the machine then meets both.
func (w *benchWorld) compare(b *testing.B, method, path, body string) {
	bare := httptest.NewServer(bareHandler(b, w.key, w.ask(b, method, path, body)))
	b.Cleanup(bare.Close)
	for _, clients := range []int{1, 8, 64} {
		b.Run(fmt.Sprintf("clients=%d", clients), func(b *testing.B) {
			ours, bares := w.sign(b, w.url, method, path, body), w.sign(b, bare.URL, method, path, body)
			var took []time.Duration
			var ratios, rates []float64
			b.ResetTimer()
			for left := b.N; left > 0; {
				turn := max(min(left, b.N/turns), min(left, clients))
				left -= turn
				began := time.Now()
				took = append(took, load(b, w.url, ours, clients, turn)...)
				middle := time.Now()
				load(b, bare.URL, bares, clients, turn)
				ratios = append(ratios, float64(time.Since(middle))/float64(middle.Sub(began)))
				rates = append(rates, float64(turn)/middle.Sub(began).Seconds())
			}
			b.StopTimer()
			slices.Sort(took)
			slices.Sort(ratios)
			slices.Sort(rates)
			b.ReportMetric(0, "ns/op") // of all clients together it says nothing
			b.ReportMetric(rates[len(rates)/2], "req/s")
			b.ReportMetric(float64(took[len(took)/2].Microseconds()), "p50-us")
			b.ReportMetric(float64(took[len(took)*99/100].Microseconds()), "p99-us")
			b.ReportMetric(ratios[len(ratios)/2], "of-bare")
		})
	}
}

// turns is how often Backlot and the bare handler take turns; medians are told.
const turns = 20

// sign makes the bytes of a signed request; they can be sent again for minutes.
func (w *benchWorld) sign(b *testing.B, url, method, path, body string) []byte {
	b.Helper()
	r, err := http.NewRequestWithContext(b.Context(), method, url+path, strings.NewReader(body))
	noError(b, err)
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	noError(b, v4.NewSigner().SignHTTP(b.Context(), w.key, r, hashOf(body), "nimble", "us-west-2", time.Now()))
	var text bytes.Buffer
	noError(b, r.Write(&text))
	return text.Bytes()
}

func hashOf(body string) string {
	sum := sha256.Sum256([]byte(body))
	return hex.EncodeToString(sum[:])
}

// ask sends a request once and returns the answer's body.
func (w *benchWorld) ask(b *testing.B, method, path, body string) []byte {
	b.Helper()
	c, err := net.Dial("tcp", strings.TrimPrefix(w.url, "http://"))
	noError(b, err)
	defer func() { _ = c.Close() }()
	_, err = c.Write(w.sign(b, w.url, method, path, body))
	noError(b, err)
	answer, err := http.ReadResponse(bufio.NewReader(c), nil)
	noError(b, err)
	defer func() { _ = answer.Body.Close() }()
	text, err := io.ReadAll(answer.Body)
	noError(b, err)
	if answer.StatusCode != http.StatusOK {
		b.Fatalf("%s %s: %d %s", method, path, answer.StatusCode, text)
	}
	return text
}

// bareHandler is the measure: the least that checks a signature by making it
// again, and answers.
func bareHandler(b *testing.B, key aws.Credentials, answer []byte) http.Handler {
	signer := v4.NewSigner()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			b.Error(err)
		}
		at, err := time.Parse("20060102T150405Z", r.Header.Get("X-Amz-Date"))
		if err != nil {
			b.Error(err)
		}
		u := *r.URL
		again := &http.Request{Method: r.Method, URL: &u, Host: r.Host, Header: http.Header{}, ContentLength: r.ContentLength}
		if kind := r.Header["Content-Type"]; kind != nil {
			again.Header["Content-Type"] = kind
		}
		if err := signer.SignHTTP(r.Context(), key, again, hashOf(string(body)), "nimble", "us-west-2", at); err != nil {
			b.Error(err)
		}
		if subtle.ConstantTimeCompare([]byte(again.Header.Get("Authorization")), []byte(r.Header.Get("Authorization"))) != 1 {
			b.Errorf("the signatures differ: %s, %s", again.Header.Get("Authorization"), r.Header.Get("Authorization"))
		}
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Content-Length", strconv.Itoa(len(answer)))
		_, _ = w.Write(answer)
	})
}

// load sends the same bytes n times over that many connections, each waiting for
// its answer, and returns how long each took.
func load(b *testing.B, url string, request []byte, clients, n int) []time.Duration {
	b.Helper()
	took := make([]time.Duration, n)
	var next atomic.Int64
	var all sync.WaitGroup
	for range min(clients, n) {
		c, err := net.Dial("tcp", strings.TrimPrefix(url, "http://"))
		noError(b, err)
		all.Go(func() {
			defer func() { _ = c.Close() }()
			answers := bufio.NewReaderSize(c, 64<<10)
			for i := next.Add(1) - 1; i < int64(n); i = next.Add(1) - 1 {
				began := time.Now()
				if _, err := c.Write(request); err != nil {
					b.Error(err)
					return
				}
				if err := skipAnswer(answers); err != nil {
					b.Error(err)
					return
				}
				took[i] = time.Since(began)
			}
		})
	}
	all.Wait()
	return took
}

// skipAnswer reads an answer of 200 as cheaply as can be.
func skipAnswer(r *bufio.Reader) error {
	length := 0
	for first := true; ; first = false {
		line, err := r.ReadSlice('\n')
		if err != nil {
			return err
		}
		if first && !bytes.HasPrefix(line, []byte("HTTP/1.1 200 ")) {
			return fmt.Errorf("answered %q", line)
		}
		if len(line) == 2 {
			_, err := r.Discard(length)
			return err
		}
		if value, ok := bytes.CutPrefix(line, []byte("Content-Length: ")); ok {
			if length, err = strconv.Atoi(string(bytes.TrimSpace(value))); err != nil {
				return err
			}
		}
	}
}

func noError(b testing.TB, err error) {
	b.Helper()
	if err != nil {
		b.Fatal(err)
	}
}
