package studio_test

import (
	"context"
	"flag"
	"fmt"
	"maps"
	"os"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/backlot/backlot/internal/studio"
)

// reached are the states, status codes and error codes that the tests of this
// package lead to, with the first test that did.
var reached = struct {
	sync.Mutex
	by map[string]string
}{by: map[string]string{}}

// reach notes what a test leads to; tests that go where chance leads them do not count.
func reach(test string, what ...string) {
	if strings.HasSuffix(test, "Model") {
		return
	}
	reached.Lock()
	defer reached.Unlock()
	for _, w := range what {
		if reached.by[w] == "" {
			reached.by[w] = test
		}
	}
}

// TestMain holds what all tests together reached to what the documents say can be.
func TestMain(m *testing.M) {
	flag.Parse()
	status := m.Run()
	whole := testing.CoverMode() == ""
	for _, part := range []string{"test.run", "test.skip", "test.list", "test.fuzz", "test.fuzzworker"} {
		whole = whole && slices.Contains([]string{"", "false"}, flag.Lookup(part).Value.String())
	}
	if testing.Verbose() {
		for _, what := range slices.Sorted(maps.Keys(reached.by)) {
			fmt.Fprintf(os.Stdout, "reached %s by %s\n", what, reached.by[what])
		}
	}
	if whole && status == 0 {
		for what, can := range reachable() {
			if by := reached.by[what]; can != (by != "") {
				fmt.Fprintf(os.Stdout, "%s: the documents say that it can be reached: %t; a test of this package that reaches it: %q\n", what, can, by)
				status = 1
			}
		}
	}
	os.Exit(status)
}

// codeShapes are the shapes of the status codes of each table.
var codeShapes = map[studio.Table]string{
	studio.TableStudios: "StudioStatusCode", studio.TableComponents: "StudioComponentStatusCode", studio.TableProfiles: "LaunchProfileStatusCode",
	studio.TableImages: "StreamingImageStatusCode", studio.TableSessions: "StreamingSessionStatusCode",
	studio.TableBackups: "StreamingSessionStatusCode", studio.TableStreams: "StreamingSessionStreamStatusCode",
}

// reachable tells of every state, status code and error code whether it can be reached.
func reachable() map[string]bool {
	all := map[string]bool{}
	for table, states := range studio.NeverStates() {
		for state, never := range states {
			all[fmt.Sprint(table, " ", state)] = !never
		}
	}
	for shape, codes := range studio.NeverCodes() {
		for code, never := range codes {
			all[fmt.Sprint(shape, " ", code)] = !never
		}
	}
	for _, c := range studio.Codes() {
		all[fmt.Sprint(c.Kind, " ", c.Name)] = true
	}
	return all
}

// watched is a store that tells what is saved in it.
type watched struct {
	studio.Store
	test string
}

func (w watched) Write(ctx context.Context, now time.Time, fn func(studio.Tx) error) error {
	var saved []string
	err := w.Store.Write(ctx, now, func(tx studio.Tx) error {
		saved = nil
		return fn(watchedTx{tx, &saved})
	})
	if err == nil {
		reach(w.test, saved...)
	}
	return err
}

type watchedTx struct {
	studio.Tx
	saved *[]string
}

func (w watchedTx) Save(ctx context.Context, n studio.Noun) error {
	v := reflect.ValueOf(n).Elem()
	if shape := codeShapes[n.Table()]; shape != "" {
		*w.saved = append(*w.saved, fmt.Sprint(n.Table(), " ", v.FieldByName("State")), fmt.Sprint(shape, " ", v.FieldByName("StatusCode")))
	}
	if f, ok := n.(*studio.Profile); ok {
		for _, r := range f.ValidationResults {
			*w.saved = append(*w.saved, fmt.Sprint("LaunchProfileValidationStatusCode ", r.StatusCode))
		}
	}
	return w.Tx.Save(ctx, n)
}
