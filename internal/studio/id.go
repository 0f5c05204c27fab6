package studio

import (
	"encoding/base64"
	"fmt"
	"io"
)

// newID makes an id: a random UUID (version 4) in unpadded base64url, 22
// characters. None begins with a hyphen, which command lines take for an option.
func newID(random io.Reader) (string, error) {
	var b [16]byte
	for {
		if _, err := io.ReadFull(random, b[:]); err != nil {
			return "", fmt.Errorf("make an id: %w", err)
		}
		b[6] = b[6]&0x0f | 0x40
		b[8] = b[8]&0x3f | 0x80
		if id := base64.RawURLEncoding.EncodeToString(b[:]); id[0] != '-' {
			return id, nil
		}
	}
}

// newName makes a random name of n characters of a-z0-9.
func newName(random io.Reader, n int) (string, error) {
	const letters = "abcdefghijklmnopqrstuvwxyz0123456789"
	name := make([]byte, 0, n)
	var b [1]byte
	for len(name) < n {
		if _, err := io.ReadFull(random, b[:]); err != nil {
			return "", fmt.Errorf("make a name: %w", err)
		}
		// 252 is the largest multiple of 36 in a byte: no letter is likelier.
		if b[0] < 252 {
			name = append(name, letters[b[0]%36])
		}
	}
	return string(name), nil
}
