// Package identity knows who may come in: the users of the identity store,
// access keys and the secrets that requests are signed with, sign-in links and
// the logins of browsers. It yields a studio.Principal.
//
// It keeps all that through studio.Store and touches nothing else; what must be
// secret is sealed with the installation's key or kept as a hash only.
//
// What somebody may do once inside must never move in.
package identity
