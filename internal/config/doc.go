// Package config is what an operator can set: one struct, one YAML file,
// environment variables over it.
//
// It touches its file and the environment.
//
// Defaults that depend on other rooms, and anything that acts on a setting, must
// never move in.
package config
