package studio_test

import (
	"flag"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/backlot/backlot/internal/studio"
)

var update = flag.Bool("update", false, "write docs/states.md anew")

func TestStatesDocumentIsFresh(t *testing.T) {
	t.Parallel()
	path := filepath.Join("..", "..", "docs", "states.md")
	if *update {
		must(t, os.WriteFile(path, []byte(studio.StatesDocument()), 0o644))
	}
	text, err := os.ReadFile(path)
	must(t, err)
	if diff := cmp.Diff(studio.StatesDocument(), string(text)); diff != "" {
		t.Errorf("%s is stale; run go test ./internal/studio -update:\n%s", path, diff)
	}
}

// TestEveryStatusCodeIsDocumented holds docs/states.md to the service model.
func TestEveryStatusCodeIsDocumented(t *testing.T) {
	t.Parallel()
	documented := studio.StatusCodes()
	for _, name := range []string{
		"StudioStatusCode", "StudioComponentStatusCode", "LaunchProfileStatusCode", "LaunchProfileValidationStatusCode",
		"StreamingImageStatusCode", "StreamingSessionStatusCode", "StreamingSessionStreamStatusCode",
	} {
		shape, ok := studio.ShapeOf(name)
		if !ok {
			t.Errorf("there is no shape %s", name)
		}
		if diff := cmp.Diff(slices.Sorted(slices.Values(shape.Enum)), slices.Sorted(slices.Values(documented[name]))); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

// TestEveryStateIsDocumented does so for the states.
func TestEveryStateIsDocumented(t *testing.T) {
	t.Parallel()
	documented := studio.NeverStates()
	for table, name := range map[studio.Table]string{
		studio.TableStudios: "StudioState", studio.TableComponents: "StudioComponentState", studio.TableProfiles: "LaunchProfileState",
		studio.TableImages: "StreamingImageState", studio.TableSessions: "StreamingSessionState", studio.TableBackups: "StreamingSessionState",
		studio.TableStreams: "StreamingSessionStreamState",
	} {
		shape, _ := studio.ShapeOf(name)
		var states []string
		for s := range documented[table] {
			states = append(states, string(s))
		}
		slices.Sort(states)
		if diff := cmp.Diff(slices.Sorted(slices.Values(shape.Enum)), states); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}
