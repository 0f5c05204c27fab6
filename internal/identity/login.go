package identity

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"github.com/backlot/backlot/internal/studio"
)

// pass lets somebody in: a sign-in link once, the cookie of a login until it
// ends. Only the hash of what is shown is kept.
type pass struct {
	Hash      string           `json:"hash"`
	Who       studio.Principal `json:"who"`
	CreatedAt time.Time        `json:"createdAt"`
	ExpiresAt time.Time        `json:"expiresAt"`
	Used      bool             `json:"used,omitempty"`

	revision int64
}

func (p *pass) Table() studio.Table { return "logins" }
func (p *pass) Rev() *int64         { return &p.revision }
func (p *pass) Row(time.Time) studio.Row {
	return studio.Row{ID: p.Hash, ParentID: p.Who.ID, CreatedAt: p.CreatedAt}
}

// The kinds of passes; one is of no use as the other.
const (
	link  = "link "
	login = "login "
)

func hash(kind, shown string) string {
	sum := sha256.Sum256([]byte(kind + shown))
	return hex.EncodeToString(sum[:])
}

// ErrNoLink says that a sign-in link is unknown, used or too old.
var ErrNoLink = errors.New("the sign-in link is unknown, used or too old")

// ErrNoLogin says that nobody is signed in by that cookie.
var ErrNoLogin = errors.New("nobody is signed in by that cookie")

// OneTimeLink makes what a sign-in link must carry to sign somebody in, once.
func (d *Directory) OneTimeLink(ctx context.Context, who studio.Principal) (token string, err error) {
	now := d.now()
	err = d.cfg.Store.Write(ctx, now, func(tx studio.Tx) error {
		if _, err := name(ctx, tx, who); err != nil {
			return err
		}
		token, err = d.issue(ctx, tx, link, who, now, now.Add(d.cfg.LinkLifetime))
		return err
	})
	if err != nil {
		return "", fmt.Errorf("make a sign-in link: %w", err)
	}
	return token, nil
}

// issue makes a pass and clears away those of the same principal that have ended.
func (d *Directory) issue(ctx context.Context, tx studio.Tx, kind string, who studio.Principal, now, until time.Time) (string, error) {
	passes, err := studio.List[pass](ctx, tx, studio.Query{ParentID: who.ID})
	if err != nil {
		return "", err
	}
	for _, p := range passes {
		if p.ended(now) {
			if err := tx.Remove(ctx, p); err != nil {
				return "", err
			}
		}
	}
	b, err := d.random(32)
	if err != nil {
		return "", err
	}
	shown := base64.RawURLEncoding.EncodeToString(b)
	return shown, tx.Save(ctx, &pass{Hash: hash(kind, shown), Who: who, CreatedAt: now, ExpiresAt: until})
}

func (p *pass) ended(now time.Time) bool { return p.Used || !now.Before(p.ExpiresAt) }

// Redeem signs a browser in by a link's token and returns the value of its
// cookie; ErrNoLink when the link is of no use.
func (d *Directory) Redeem(ctx context.Context, token string) (cookie string, err error) {
	now := d.now()
	err = d.cfg.Store.Write(ctx, now, func(tx studio.Tx) error {
		var p pass
		if err := tx.Find(ctx, hash(link, token), &p); err != nil {
			return err
		}
		if p.ended(now) {
			return ErrNoLink
		}
		// A save, unlike a removal, fails for the second of two at once.
		p.Used = true
		if err := tx.Save(ctx, &p); err != nil {
			return err
		}
		cookie, err = d.issue(ctx, tx, login, p.Who, now, now.Add(d.cfg.LoginLifetime))
		return err
	})
	if errors.Is(err, studio.ErrNoRow) || errors.Is(err, studio.ErrStale) {
		return "", ErrNoLink
	}
	if err != nil {
		return "", fmt.Errorf("sign in: %w", err)
	}
	return cookie, nil
}

// Login returns who is signed in by a cookie and what to call them, or
// ErrNoLogin. A login that is used lasts longer.
func (d *Directory) Login(ctx context.Context, cookie string) (who studio.Principal, called string, err error) {
	now := d.now()
	var p pass
	err = d.cfg.Store.Read(ctx, func(tx studio.Tx) error {
		if err := tx.Find(ctx, hash(login, cookie), &p); err != nil {
			return err
		}
		called, err = name(ctx, tx, p.Who)
		return err
	})
	if errors.Is(err, studio.ErrNoRow) || err == nil && p.ended(now) {
		return studio.Principal{}, "", ErrNoLogin
	}
	if err == nil {
		err = d.prolong(ctx, &p, now)
	}
	if err != nil {
		return studio.Principal{}, "", fmt.Errorf("look up a login: %w", err)
	}
	return p.Who, called, nil
}

// Name is what to call a principal; ErrNoUser for a user who is none any more.
func (d *Directory) Name(ctx context.Context, who studio.Principal) (called string, err error) {
	err = d.cfg.Store.Read(ctx, func(tx studio.Tx) error {
		called, err = name(ctx, tx, who)
		return err
	})
	if err != nil {
		return "", fmt.Errorf("look up a name: %w", err)
	}
	return called, nil
}

// prolong moves the end of a login that is used, not more often than every 24th
// of its lifetime.
func (d *Directory) prolong(ctx context.Context, p *pass, now time.Time) error {
	until := now.Add(d.cfg.LoginLifetime)
	if until.Sub(p.ExpiresAt) < d.cfg.LoginLifetime/24 {
		return nil
	}
	p.ExpiresAt = until
	err := d.cfg.Store.Write(ctx, now, func(tx studio.Tx) error { return tx.Save(ctx, p) })
	if errors.Is(err, studio.ErrStale) {
		return nil // another request did, or ended it just now
	}
	return err
}

// Logout ends the login of a cookie, if there is one.
func (d *Directory) Logout(ctx context.Context, cookie string) error {
	err := d.cfg.Store.Write(ctx, d.now(), func(tx studio.Tx) error {
		return tx.Remove(ctx, &pass{Hash: hash(login, cookie)})
	})
	if err != nil {
		return fmt.Errorf("sign out: %w", err)
	}
	return nil
}
