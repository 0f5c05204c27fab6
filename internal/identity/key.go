package identity

import (
	"context"
	"encoding/base32"
	"encoding/base64"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/backlot/backlot/internal/studio"
)

// AccessKey tells who signs requests with a key.
type AccessKey struct {
	// ID is public: "AKIA" and 16 letters or digits.
	ID        string           `json:"id"`
	Holder    studio.Principal `json:"holder"`
	CreatedAt time.Time        `json:"createdAt"`
}

type storedKey struct {
	AccessKey
	// Sealed is the secret, which signatures are checked with, so a hash will not do.
	Sealed []byte `json:"sealed"`

	revision int64
}

func (k *storedKey) Table() studio.Table { return "access_keys" }
func (k *storedKey) Rev() *int64         { return &k.revision }
func (k *storedKey) Row(time.Time) studio.Row {
	return studio.Row{ID: k.ID, ParentID: k.Holder.ID, CreatedAt: k.CreatedAt}
}

// ErrNoKey says that there is no such access key, or no longer.
var ErrNoKey = fmt.Errorf("no such access key: %w", studio.ErrNoRow)

// CreateKey makes an access key for a user or an account administrator, who is
// called by the principal's id. The secret, 40 characters, is told only here.
func (d *Directory) CreateKey(ctx context.Context, holder studio.Principal) (key AccessKey, secret string, err error) {
	b, err := d.random(10 + 30 + d.seal.NonceSize())
	if err != nil {
		return AccessKey{}, "", err
	}
	now := d.now()
	key = AccessKey{ID: "AKIA" + base32.StdEncoding.EncodeToString(b[:10]), Holder: holder, CreatedAt: now}
	secret = base64.StdEncoding.EncodeToString(b[10:40])
	nonce := b[40:]
	err = d.cfg.Store.Write(ctx, now, func(tx studio.Tx) error {
		if _, err := name(ctx, tx, holder); err != nil {
			return err
		}
		return tx.Save(ctx, &storedKey{AccessKey: key, Sealed: d.seal.Seal(nonce, nonce, []byte(secret), []byte(key.ID))})
	})
	if err != nil {
		return AccessKey{}, "", fmt.Errorf("create access key: %w", err)
	}
	return key, secret, nil
}

// Keys returns the access keys of a principal.
func (d *Directory) Keys(ctx context.Context, principalID string) ([]AccessKey, error) {
	var keys []AccessKey
	err := d.cfg.Store.Read(ctx, func(tx studio.Tx) error {
		found, err := studio.List[storedKey](ctx, tx, studio.Query{ParentID: principalID})
		for _, k := range found {
			keys = append(keys, k.AccessKey)
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("list access keys: %w", err)
	}
	return keys, nil
}

// DeleteKey takes an access key out of use at once; other servers on the same
// store learn of it within ten seconds. A key that is not there is no error.
func (d *Directory) DeleteKey(ctx context.Context, accessKeyID string) error {
	defer d.keys.forget(accessKeyID)
	err := d.cfg.Store.Write(ctx, d.now(), func(tx studio.Tx) error {
		return tx.Remove(ctx, &storedKey{AccessKey: AccessKey{ID: accessKeyID}})
	})
	if err != nil {
		return fmt.Errorf("delete access key: %w", err)
	}
	return nil
}

// Key returns the secret of an access key and who holds it, or ErrNoKey.
func (d *Directory) Key(ctx context.Context, accessKeyID string) (secret string, who studio.Principal, err error) {
	now := d.now()
	known, forgotten, ok := d.keys.find(accessKeyID, now)
	if ok {
		return known.secret, known.holder, nil
	}
	var k storedKey
	err = d.cfg.Store.Read(ctx, func(tx studio.Tx) error { return tx.Find(ctx, accessKeyID, &k) })
	if errors.Is(err, studio.ErrNoRow) {
		return "", studio.Principal{}, ErrNoKey
	}
	if err != nil {
		return "", studio.Principal{}, fmt.Errorf("find access key: %w", err)
	}
	if len(k.Sealed) < d.seal.NonceSize() {
		return "", studio.Principal{}, fmt.Errorf("access key %s is damaged", accessKeyID)
	}
	nonce, sealed := k.Sealed[:d.seal.NonceSize()], k.Sealed[d.seal.NonceSize():]
	plain, err := d.seal.Open(nil, nonce, sealed, []byte(accessKeyID))
	if err != nil {
		return "", studio.Principal{}, fmt.Errorf("access key %s was made with another key of the installation: %w", accessKeyID, err)
	}
	known = knownKey{secret: string(plain), holder: k.Holder, until: now.Add(trust)}
	d.keys.keep(accessKeyID, known, forgotten)
	return known.secret, known.holder, nil
}

// trust is how long a key is taken for good without looking at the store, where
// another process may have deleted it.
const trust = 10 * time.Second

// keyCache remembers keys for a moment, as every request asks for one.
type keyCache struct {
	mu    sync.Mutex
	known map[string]knownKey
	// forgotten counts deletions: what was read before one is not remembered after it.
	forgotten int
}

type knownKey struct {
	secret string
	holder studio.Principal
	until  time.Time
}

func (c *keyCache) find(id string, now time.Time) (k knownKey, forgotten int, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	k, ok = c.known[id]
	return k, c.forgotten, ok && now.Before(k.until)
}

func (c *keyCache) keep(id string, k knownKey, forgotten int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if forgotten == c.forgotten {
		c.known[id] = k
	}
}

func (c *keyCache) forget(id string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.forgotten++
	delete(c.known, id)
}
