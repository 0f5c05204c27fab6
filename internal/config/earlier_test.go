package config_test

import (
	"path/filepath"
	"testing"

	"github.com/backlot/backlot/internal/config"
)

// TestEarlierFiles loads a file with all that could be set at each earlier time.
func TestEarlierFiles(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/earlier-*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, file := range files {
		c, err := config.Load(file, none)
		if err == nil {
			err = c.Check()
		}
		if err != nil || c.Quotas.SharedFileSystems != 6 {
			t.Errorf("%s: %+v, %v", file, c, err)
		}
	}
}
