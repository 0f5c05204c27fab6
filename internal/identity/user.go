package identity

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/backlot/backlot/internal/studio"
)

// User is somebody who can be a member of studios and launch profiles.
type User struct {
	// PrincipalID is what the API calls the user.
	PrincipalID string `json:"principalId"`
	// Name is what the user is called on pages; no two have the same.
	Name    string    `json:"name"`
	AddedAt time.Time `json:"addedAt"`
}

// Principal is the user as a caller.
func (u User) Principal() studio.Principal { return studio.Principal{ID: u.PrincipalID} }

type storedUser struct {
	User

	revision int64
}

func (u *storedUser) Table() studio.Table { return "users" }
func (u *storedUser) Rev() *int64         { return &u.revision }
func (u *storedUser) Row(time.Time) studio.Row {
	return studio.Row{ID: u.PrincipalID, Unique: u.Name, CreatedAt: u.AddedAt}
}

// ErrNoUser says that there is no such user.
var ErrNoUser = fmt.Errorf("no such user: %w", studio.ErrNoRow)

// ErrNameTaken says that another user has that name.
var ErrNameTaken = errors.New("another user has that name")

// AddUser makes a user; ErrNameTaken when there is one of that name.
func (d *Directory) AddUser(ctx context.Context, name string) (User, error) {
	if n := utf8.RuneCountInString(name); n < 1 || n > 64 || !utf8.ValidString(name) || strings.ContainsFunc(name, unicode.IsControl) {
		return User{}, errors.New("a user's name has 1 to 64 characters, none of them a control character")
	}
	var u storedUser
	now := d.now()
	err := d.cfg.Store.Write(ctx, now, func(tx studio.Tx) error {
		store, err := d.storeID(ctx, tx, now)
		if err != nil {
			return err
		}
		b, err := d.random(16)
		if err != nil {
			return err
		}
		b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
		id := fmt.Sprintf("%s-%x-%x-%x-%x-%x", store[len("d-"):], b[:4], b[4:6], b[6:8], b[8:10], b[10:])
		u = storedUser{User: User{PrincipalID: id, Name: name, AddedAt: now}}
		return tx.Save(ctx, &u)
	})
	if errors.Is(err, studio.ErrTaken) {
		err = ErrNameTaken
	}
	if err != nil {
		return User{}, fmt.Errorf("add user: %w", err)
	}
	return u.User, nil
}

// Users returns all users in the order in which they were added.
func (d *Directory) Users(ctx context.Context) ([]User, error) {
	var users []User
	err := d.cfg.Store.Read(ctx, func(tx studio.Tx) error {
		found, err := studio.List[storedUser](ctx, tx, studio.Query{})
		for _, u := range found {
			users = append(users, u.User)
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("list users: %w", err)
	}
	return users, nil
}

// Known tells whether a principal is a user of an identity store.
func (d *Directory) Known(ctx context.Context, identityStoreID, principalID string) (bool, error) {
	known := false
	err := d.cfg.Store.Read(ctx, func(tx studio.Tx) error {
		var s setting
		err := tx.Find(ctx, storeIDSetting, &s)
		if err == nil {
			err = tx.Find(ctx, principalID, &storedUser{})
		}
		known = err == nil && s.Value == identityStoreID
		if errors.Is(err, studio.ErrNoRow) {
			return nil
		}
		return err
	})
	if err != nil {
		return false, fmt.Errorf("look up user %s: %w", principalID, err)
	}
	return known, nil
}

// name returns what to call a principal, and ErrNoUser for a user who is none.
func name(ctx context.Context, tx studio.Tx, who studio.Principal) (string, error) {
	if who.Administrator {
		return who.ID, nil
	}
	var u storedUser
	err := tx.Find(ctx, who.ID, &u)
	if errors.Is(err, studio.ErrNoRow) {
		err = ErrNoUser
	}
	return u.Name, err
}
