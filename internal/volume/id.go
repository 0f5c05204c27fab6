package volume

import "fmt"

const maxID = 64

// CheckID refuses an id that is not 1-64 characters of a-z0-9, as a Permanent
// error. Drivers call it first in every verb: an id becomes the name of a file.
func CheckID(id string) error {
	if len(id) == 0 || len(id) > maxID {
		return Permanent(fmt.Errorf("id of %d characters: 1 to %d are allowed", len(id), maxID))
	}
	for _, c := range []byte(id) {
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') {
			return Permanent(fmt.Errorf("id %q: only a-z and 0-9 are allowed", id))
		}
	}
	return nil
}

// Check refuses options that make no sense, as a Permanent error.
func (o Options) Check() error {
	if o.LimitBytes < 0 {
		return Permanent(fmt.Errorf("limit of %d bytes: must not be negative", o.LimitBytes))
	}
	if o.FromSnapshot == "" {
		return nil
	}
	if err := CheckID(o.FromSnapshot); err != nil {
		return fmt.Errorf("snapshot to start from: %w", err)
	}
	return nil
}
