package image

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
)

// Image is a machine image.
type Image struct {
	ID       string // "ami-" and 17 hexadecimal digits
	Name     string
	Platform string // "LINUX"
}

// ErrNotFound says that there is no image of that id.
var ErrNotFound = errors.New("no such machine image")

// Config says where images are kept.
type Config struct {
	// RunDir is for what lasts until the machine or the mount namespace ends,
	// such as /run/backlot-<installation>/images. It is made when missing.
	RunDir string
	Log    *slog.Logger
}

// Store holds the machine images of one installation.
type Store struct {
	log  *slog.Logger
	root string // the machine's root directory
	mask string // mount point of the host image's mask

	mu     sync.Mutex
	listed listing // what the mask was built from
}

// Open builds the host image, which takes about 0.1 s, and mounts its mask in the
// caller's mount namespace, in place of the one of an earlier Open. What is
// mounted from an earlier one stays good.
func Open(ctx context.Context, c Config) (*Store, error) {
	return open(ctx, c, "/")
}

func open(ctx context.Context, c Config, root string) (*Store, error) {
	s := &Store{log: c.Log, root: root, mask: filepath.Join(c.RunDir, HostName)}
	if err := os.MkdirAll(s.mask, 0o755); err != nil {
		return nil, fmt.Errorf("make the run directory of images: %w", err)
	}
	if err := s.buildHost(ctx); err != nil {
		return nil, fmt.Errorf("build the host image: %w", err)
	}
	return s, nil
}

// Close takes the mask away. What is mounted from it stays good.
func (s *Store) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return detach(s.mask)
}

// HostName is the name of the image that is the machine's own root file system.
const HostName = "host"

// HostID is that image's id, the same on every machine.
func HostID() string { return id(HostName) }

// id derives an image's id from its name, so that it is the same at each start.
func id(name string) string {
	sum := sha256.Sum256([]byte("backlot machine image " + name))
	return "ami-" + hex.EncodeToString(sum[:])[:17]
}

// List returns all images.
func (s *Store) List(ctx context.Context) ([]Image, error) {
	return []Image{{ID: HostID(), Name: HostName, Platform: "LINUX"}}, ctx.Err()
}

// Lower returns the directories an overlay of the image is made of, topmost
// first. They are to be mounted at once: they last until the image is built
// again. ErrNotFound when there is no such image.
func (s *Store) Lower(ctx context.Context, imageID string) (dirs []string, err error) {
	if imageID != HostID() {
		return nil, fmt.Errorf("%s: %w", imageID, ErrNotFound)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	stale, err := s.stale()
	if err != nil {
		return nil, fmt.Errorf("check the host image: %w", err)
	}
	if stale {
		if err := s.buildHostLocked(ctx); err != nil {
			return nil, fmt.Errorf("build the host image again: %w", err)
		}
	}
	return []string{s.mask, s.root}, nil
}
