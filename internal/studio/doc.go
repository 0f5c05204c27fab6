// Package studio is the domain: the nouns of a studio, their states and rules,
// who may do what with them, and one method of Service for every operation.
//
// It touches nothing outside: the time is handed in, what is kept goes through
// Store, permission is asked of Access, and machines are other rooms' matter.
//
// HTTP, SQL, container and file-system words must never move in.
package studio
