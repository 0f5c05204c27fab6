// Package e2e drives the built binaries as their users do: the AWS CLI, boto3
// and a browser outside, real sandboxes, volumes and X servers inside.
//
// It touches everything, on this machine only, and ends what it started.
//
// Anything that needs the product's packages must never move in: what is tested
// here is what people get.
package e2e
