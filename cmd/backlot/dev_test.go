package main

import (
	"crypto/rand"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/backlot/backlot/internal/config"
	"github.com/backlot/backlot/internal/image"
	"github.com/backlot/backlot/internal/studio"
)

// TestStudioToTryHasAnImageOfItsOwn, whatever is provided beside it.
func TestStudioToTryHasAnImageOfItsOwn(t *testing.T) {
	t.Parallel()
	c := config.Default()
	c.Data = t.TempDir()
	c.Eulas = []config.Eula{{ID: "licence", Name: "Licence", Content: "Pay first."}}
	c.ProvidedImages = []config.ProvidedImage{{ID: "provided", Name: "Provided", EC2ImageID: image.HostID(), Eulas: []string{"licence"}}}
	quiet := slog.New(slog.DiscardHandler)
	known, err := openRecords(t.Context(), c, quiet)
	noError(t, err)
	t.Cleanup(func() { noError(t, known.store.Close()) })
	by, err := readRules(c)
	noError(t, err)
	service, err := studio.New(studio.Config{
		Store: known.store, Access: by.policies, Users: known.directory, Images: somewhere{}, Account: c.AccountID, Region: c.Region,
		StudioURL: func(string) string { return "" },
		StreamURL: func(string, string, string) string { return "" },
		Secret:    known.installation.Secret, Clock: time.Now, Random: rand.Reader, InstanceTypes: by.types, Capacity: by.capacity,
		Eulas: eulas(c.Eulas), ProvidedImages: providedImages(c.ProvidedImages), Quotas: studio.Quotas(c.Quotas), Log: quiet,
	})
	noError(t, err)
	t.Cleanup((&benchWorld{known: known, service: service}).runLoop(t))
	for range 2 { // the second finds what the first has made
		made, err := seed(t.Context(), c, known, service)
		noError(t, err)
		got, err := service.GetStreamingImage(t.Context(), administrator, &studio.GetStreamingImageRequest{StudioID: made.studioID, StreamingImageID: made.imageID})
		noError(t, err)
		if got.StreamingImage.Owner != made.studioID {
			t.Errorf("it has the image %s of %s", made.imageID, got.StreamingImage.Owner)
		}
	}
}

// TestToSource asks a shell what it makes of the banner's line.
func TestToSource(t *testing.T) {
	t.Parallel()
	if got := toSource("data/dev.env"); got != "data/dev.env" {
		t.Errorf("%s is quoted without need", got)
	}
	dir := t.TempDir()
	for _, name := range []string{"plain", "with spaces", "it's", `"$HOME" \ *`, "-n", ".", "ünï"} {
		file := filepath.Join(name, "dev.env")
		noError(t, os.MkdirAll(filepath.Join(dir, name), 0o755))
		noError(t, os.WriteFile(filepath.Join(dir, file), []byte("FOUND=yes\n"), 0o600))
		c := exec.CommandContext(t.Context(), "sh", "-c", ". "+toSource(file)+"; echo $FOUND")
		c.Dir = dir
		if out, err := c.CombinedOutput(); string(out) != "yes\n" {
			t.Errorf("%s: %v\n%s", toSource(file), err, out)
		}
	}
}
