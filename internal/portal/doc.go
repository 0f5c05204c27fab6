// Package portal is the studio's own pages: sign in, see your launch profiles
// and workstations, launch, open, stop, start, delete.
//
// It touches HTTP only; whatever it does, it does as the signed-in user through
// the operations that the API has too.
//
// Rules of the studio must never move in: a page may hide what would be refused,
// but it is the domain that refuses.
package portal

//go:generate go test -run ^TestBundle$ -update .
