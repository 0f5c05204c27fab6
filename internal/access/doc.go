// Package access decides who may do what, by policies in Cedar: those built in,
// which give account administrators, studio administrators and users the rights
// they had in Nimble Studio, and the operator's own.
//
// It reads the operator's policy files when it is made and touches nothing else.
// What a policy can look at is listed at Policies.Allowed.
//
// Looking up the facts a question is about must never move in: studio, which
// asks, has them.
package access
