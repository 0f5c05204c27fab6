package identity_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/backlot/backlot/internal/identity"
	"github.com/backlot/backlot/internal/store"
	"github.com/backlot/backlot/internal/studio"
)

var administrator = studio.Principal{ID: "administrator", Administrator: true}

// world is a directory on a store of its own, whose clock a test moves.
type world struct {
	*identity.Directory
	path  string
	store *store.Store
	key   []byte
	now   time.Time
}

func setup(t testing.TB) *world {
	t.Helper()
	w := &world{
		path: filepath.Join(t.TempDir(), "store.db"), key: bytes.Repeat([]byte("k"), 32),
		now: time.Date(2026, 3, 1, 8, 0, 0, 0, time.UTC),
	}
	var err error
	w.store, err = store.Open(t.Context(), store.Config{Path: w.path, Log: slog.New(slog.NewTextHandler(t.Output(), nil))})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := w.store.Close(); err != nil {
			t.Error(err)
		}
	})
	w.Directory = w.again(t)
	return w
}

// again makes another directory on the same store, as a restarted or second server has.
func (w *world) again(t testing.TB) *identity.Directory {
	t.Helper()
	d, err := identity.New(identity.Config{
		Store: w.store, Key: w.key, Clock: func() time.Time { return w.now }, Random: rand.Reader,
	})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func (w *world) user(t testing.TB, name string) identity.User {
	t.Helper()
	w.now = w.now.Add(time.Second)
	u, err := w.AddUser(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

func wantErr(t *testing.T, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("error %v; want %v", err, want)
	}
}

func TestUsers(t *testing.T) {
	t.Parallel()
	w := setup(t)
	ada, ben := w.user(t, "ada"), w.user(t, "ben")
	if form := regexp.MustCompile(`^[0-9a-f]{10}-[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`); !form.MatchString(ada.PrincipalID) {
		t.Errorf("principal id %s", ada.PrincipalID)
	}
	_, err := w.AddUser(t.Context(), "ada")
	wantErr(t, err, identity.ErrNameTaken)
	for _, bad := range []string{"", "a\nb", strings.Repeat("x", 65)} {
		if _, err := w.AddUser(t.Context(), bad); err == nil {
			t.Errorf("added a user named %q", bad)
		}
	}
	users, err := w.again(t).Users(t.Context())
	if diff := cmp.Diff([]identity.User{ada, ben}, users); err != nil || diff != "" {
		t.Errorf("users %v: %s", err, diff)
	}
}

func TestStoreID(t *testing.T) {
	t.Parallel()
	w := setup(t)
	id, err := w.StoreID(t.Context())
	if err != nil || !regexp.MustCompile(`^d-[0-9a-f]{10}$`).MatchString(id) {
		t.Errorf("id of the identity store %q, %v", id, err)
	}
	if again, err := w.again(t).StoreID(t.Context()); err != nil || again != id {
		t.Errorf("after a restart it is %q, %v", again, err)
	}
	ada := w.user(t, "ada")
	for _, test := range []struct {
		store, principal string
		want             bool
	}{
		{id, ada.PrincipalID, true},
		{"d-0123456789", ada.PrincipalID, false},
		{id, "0123456789-nobody", false},
		{id, "", false},
	} {
		if known, err := w.Known(t.Context(), test.store, test.principal); err != nil || known != test.want {
			t.Errorf("Known(%q, %q) = %v, %v", test.store, test.principal, known, err)
		}
	}
}

func TestKeys(t *testing.T) {
	t.Parallel()
	w := setup(t)
	ada := w.user(t, "ada")
	for _, holder := range []studio.Principal{ada.Principal(), administrator} {
		key, secret, err := w.CreateKey(t.Context(), holder)
		if err != nil {
			t.Fatal(err)
		}
		if !regexp.MustCompile(`^AKIA[A-Z2-7]{16}$`).MatchString(key.ID) || len(secret) != 40 {
			t.Errorf("key %s with a secret of %d characters", key.ID, len(secret))
		}
		for _, d := range []*identity.Directory{w.Directory, w.Directory, w.again(t)} {
			got, who, err := d.Key(t.Context(), key.ID)
			if err != nil || got != secret || who != holder {
				t.Errorf("Key = %v, %v, same secret: %v; want %v", who, err, got == secret, holder)
			}
		}
		keys, err := w.Keys(t.Context(), holder.ID)
		if diff := cmp.Diff([]identity.AccessKey{key}, keys); err != nil || diff != "" {
			t.Errorf("keys %v: %s", err, diff)
		}
		w.noneOnDisk(t, secret)
	}
	_, _, err := w.Key(t.Context(), "AKIAAAAAAAAAAAAAAAAA")
	wantErr(t, err, identity.ErrNoKey)
	wantErr(t, err, studio.ErrNoRow)
	_, _, err = w.CreateKey(t.Context(), studio.Principal{ID: "nobody"})
	wantErr(t, err, identity.ErrNoUser)
}

// noneOnDisk looks for a secret in what the store has written.
func (w *world) noneOnDisk(t *testing.T, secret string) {
	t.Helper()
	for _, suffix := range []string{"", "-wal"} {
		content, err := os.ReadFile(w.path + suffix)
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(content, []byte(secret)) {
			t.Errorf("a secret stands in store.db%s", suffix)
		}
	}
}

func TestDeletedKey(t *testing.T) {
	t.Parallel()
	w := setup(t)
	other := w.again(t)
	key, _, err := w.CreateKey(t.Context(), administrator)
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range []*identity.Directory{w.Directory, other} {
		if _, _, err := d.Key(t.Context(), key.ID); err != nil {
			t.Fatal(err)
		}
	}
	for range 2 {
		if err := w.DeleteKey(t.Context(), key.ID); err != nil {
			t.Fatal(err)
		}
	}
	_, _, err = w.Key(t.Context(), key.ID)
	wantErr(t, err, identity.ErrNoKey)
	w.now = w.now.Add(10 * time.Second)
	_, _, err = other.Key(t.Context(), key.ID)
	wantErr(t, err, identity.ErrNoKey)
}

// TestDeletedKeyUnderLoad asks for a key without pause while it is deleted:
// once that is done, nobody gets it.
func TestDeletedKeyUnderLoad(t *testing.T) {
	t.Parallel()
	w := setup(t)
	for range 20 {
		key, _, err := w.CreateKey(t.Context(), administrator)
		if err != nil {
			t.Fatal(err)
		}
		var deleted, stop atomic.Bool
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() {
				for !stop.Load() {
					after := deleted.Load()
					if _, _, err := w.Key(t.Context(), key.ID); after && !errors.Is(err, identity.ErrNoKey) {
						t.Errorf("got a deleted key, %v", err)
						return
					}
				}
			})
		}
		if err := w.DeleteKey(t.Context(), key.ID); err != nil {
			t.Error(err)
		}
		deleted.Store(true)
		_, _, _ = w.Key(t.Context(), key.ID)
		stop.Store(true)
		wg.Wait()
	}
}

func TestOtherInstallationKey(t *testing.T) {
	t.Parallel()
	w := setup(t)
	key, _, err := w.CreateKey(t.Context(), administrator)
	if err != nil {
		t.Fatal(err)
	}
	w.key = bytes.Repeat([]byte("x"), 32)
	if _, _, err := w.again(t).Key(t.Context(), key.ID); err == nil || errors.Is(err, identity.ErrNoKey) {
		t.Errorf("error %v", err)
	}
	if _, err := identity.New(identity.Config{Store: w.store, Key: []byte("short")}); err == nil {
		t.Error("took a short key")
	}
}

func TestSignIn(t *testing.T) {
	t.Parallel()
	w := setup(t)
	ada := w.user(t, "ada")
	for _, test := range []struct {
		who    studio.Principal
		called string
	}{{ada.Principal(), "ada"}, {administrator, "administrator"}} {
		token, err := w.OneTimeLink(t.Context(), test.who)
		if err != nil {
			t.Fatal(err)
		}
		cookie, err := w.Redeem(t.Context(), token)
		if err != nil {
			t.Fatal(err)
		}
		_, err = w.Redeem(t.Context(), token)
		wantErr(t, err, identity.ErrNoLink)
		_, err = w.Redeem(t.Context(), cookie)
		wantErr(t, err, identity.ErrNoLink)
		_, _, err = w.Login(t.Context(), token)
		wantErr(t, err, identity.ErrNoLogin)

		who, called, err := w.again(t).Login(t.Context(), cookie)
		if err != nil || who != test.who || called != test.called {
			t.Errorf("Login = %v, %q, %v", who, called, err)
		}
		if len(token) != 43 || len(cookie) != 43 {
			t.Errorf("token and cookie have %d and %d characters", len(token), len(cookie))
		}
		w.noneOnDisk(t, token)
		w.noneOnDisk(t, cookie)
		for range 2 {
			if err := w.Logout(t.Context(), cookie); err != nil {
				t.Fatal(err)
			}
		}
		_, _, err = w.Login(t.Context(), cookie)
		wantErr(t, err, identity.ErrNoLogin)
	}
	for _, made := range []string{"", "made up", "\x00"} {
		_, err := w.Redeem(t.Context(), made)
		wantErr(t, err, identity.ErrNoLink)
		_, _, err = w.Login(t.Context(), made)
		wantErr(t, err, identity.ErrNoLogin)
	}
	_, err := w.OneTimeLink(t.Context(), studio.Principal{ID: "nobody"})
	wantErr(t, err, identity.ErrNoUser)
}

func TestLinkExpires(t *testing.T) {
	t.Parallel()
	w := setup(t)
	token, err := w.OneTimeLink(t.Context(), administrator)
	if err != nil {
		t.Fatal(err)
	}
	w.now = w.now.Add(15 * time.Minute)
	_, err = w.Redeem(t.Context(), token)
	wantErr(t, err, identity.ErrNoLink)
}

func TestLoginSlides(t *testing.T) {
	t.Parallel()
	w := setup(t)
	cookie := w.signIn(t)
	for range 5 {
		w.now = w.now.Add(11 * time.Hour)
		if _, _, err := w.Login(t.Context(), cookie); err != nil {
			t.Fatal(err)
		}
	}
	w.now = w.now.Add(12 * time.Hour)
	_, _, err := w.Login(t.Context(), cookie)
	wantErr(t, err, identity.ErrNoLogin)
}

func (w *world) signIn(t *testing.T) (cookie string) {
	t.Helper()
	token, err := w.OneTimeLink(t.Context(), administrator)
	if err == nil {
		cookie, err = w.Redeem(t.Context(), token)
	}
	if err != nil {
		t.Fatal(err)
	}
	return cookie
}

// TestRedeemTogether opens one link in several browsers at once: one gets in.
func TestRedeemTogether(t *testing.T) {
	t.Parallel()
	w := setup(t)
	token, err := w.OneTimeLink(t.Context(), administrator)
	if err != nil {
		t.Fatal(err)
	}
	outcomes := make([]error, 8)
	var wg sync.WaitGroup
	for i := range outcomes {
		wg.Go(func() { _, outcomes[i] = w.Redeem(t.Context(), token) })
	}
	wg.Wait()
	in := 0
	for _, err := range outcomes {
		if err == nil {
			in++
		} else {
			wantErr(t, err, identity.ErrNoLink)
		}
	}
	if in != 1 {
		t.Errorf("%d got in by one link", in)
	}
}

// TestEndedPassesGo signs in for days: what has ended does not pile up.
func TestEndedPassesGo(t *testing.T) {
	t.Parallel()
	w := setup(t)
	for range 10 {
		w.signIn(t)
		w.now = w.now.Add(13 * time.Hour)
	}
	count := 0
	err := w.store.Read(t.Context(), func(tx studio.Tx) (err error) {
		count, err = tx.Count(t.Context(), studio.Query{Table: "logins"})
		return err
	})
	if err != nil || count > 2 {
		t.Errorf("%d passes are kept, %v", count, err)
	}
}

func TestCancelled(t *testing.T) {
	t.Parallel()
	w := setup(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := w.AddUser(ctx, "ada")
	wantErr(t, err, context.Canceled)
	_, _, err = w.Key(ctx, "AKIAAAAAAAAAAAAAAAAA")
	wantErr(t, err, context.Canceled)
	if users, err := w.Users(t.Context()); err != nil || len(users) != 0 {
		t.Errorf("users %v, %v", users, err)
	}
}

func BenchmarkKey(b *testing.B) {
	w := setup(b)
	key, _, err := w.CreateKey(b.Context(), administrator)
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, _, err := w.Key(b.Context(), key.ID); err != nil {
			b.Fatal(err)
		}
	}
}
