package identity

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/backlot/backlot/internal/studio"
)

// Config is what a Directory needs.
type Config struct {
	Store studio.Store
	// Key is the installation's secret, at least 32 random bytes. With another one
	// the access keys made before are lost.
	Key    []byte
	Clock  func() time.Time
	Random io.Reader
	// LinkLifetime is how long a sign-in link can be used; 0: 15 minutes.
	LinkLifetime time.Duration
	// LoginLifetime is how long a login lasts that nobody uses; 0: 12 hours.
	LoginLifetime time.Duration
}

// Directory is the identity store, its keys and its logins. It is safe for
// concurrent use.
type Directory struct {
	cfg  Config
	seal cipher.AEAD
	keys keyCache
}

var _ studio.Users = (*Directory)(nil)

// New returns the directory that is kept in a store.
func New(cfg Config) (*Directory, error) {
	if len(cfg.Key) < 32 {
		return nil, errors.New("the installation's key has less than 32 bytes")
	}
	if cfg.LinkLifetime == 0 {
		cfg.LinkLifetime = 15 * time.Minute
	}
	if cfg.LoginLifetime == 0 {
		cfg.LoginLifetime = 12 * time.Hour
	}
	key, err := hkdf.Key(sha256.New, cfg.Key, nil, "backlot access keys", 32)
	if err != nil {
		return nil, fmt.Errorf("derive the key of access keys: %w", err)
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	seal, err := cipher.NewGCM(block)
	if err != nil {
		return nil, err
	}
	return &Directory{cfg: cfg, seal: seal, keys: keyCache{known: map[string]knownKey{}}}, nil
}

func (d *Directory) now() time.Time { return d.cfg.Clock().UTC() }

func (d *Directory) random(n int) ([]byte, error) {
	b := make([]byte, n)
	if _, err := io.ReadFull(d.cfg.Random, b); err != nil {
		return nil, fmt.Errorf("read random bytes: %w", err)
	}
	return b, nil
}

// setting is one fact about the installation.
type setting struct {
	Name  string    `json:"name"`
	Value string    `json:"value"`
	Since time.Time `json:"since"`

	revision int64
}

func (s *setting) Table() studio.Table { return "settings" }
func (s *setting) Rev() *int64         { return &s.revision }
func (s *setting) Row(time.Time) studio.Row {
	return studio.Row{ID: s.Name, CreatedAt: s.Since}
}

// StoreID returns the id of the identity store: "d-" and ten hexadecimal digits.
// It is made when it is first asked for.
func (d *Directory) StoreID(ctx context.Context) (string, error) {
	s := setting{}
	err := d.cfg.Store.Read(ctx, func(tx studio.Tx) error { return tx.Find(ctx, storeIDSetting, &s) })
	if errors.Is(err, studio.ErrNoRow) {
		now := d.now()
		err = d.cfg.Store.Write(ctx, now, func(tx studio.Tx) (err error) {
			s.Value, err = d.storeID(ctx, tx, now)
			return err
		})
	}
	if err != nil {
		return "", fmt.Errorf("read id of identity store: %w", err)
	}
	return s.Value, nil
}

const storeIDSetting = "identity store id"

func (d *Directory) storeID(ctx context.Context, tx studio.Tx, now time.Time) (string, error) {
	var s setting
	err := tx.Find(ctx, storeIDSetting, &s)
	if err == nil || !errors.Is(err, studio.ErrNoRow) {
		return s.Value, err
	}
	b, err := d.random(5)
	if err != nil {
		return "", err
	}
	s = setting{Name: storeIDSetting, Value: "d-" + hex.EncodeToString(b), Since: now}
	return s.Value, tx.Save(ctx, &s)
}
