package viewer_test

import (
	"flag"
	"testing"

	"github.com/backlot/backlot/internal/testkit"
)

var update = flag.Bool("update", false, "write dist anew")

func TestBundle(t *testing.T) {
	t.Parallel()
	testkit.Bundle(t, *update, "main.ts", "viewer.css")
}
