// Command backlot is the server of a studio's virtual workstations, and the tool
// of the person who runs it.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/backlot/backlot/internal/config"
	"github.com/backlot/backlot/internal/workstation/desktop"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	// Inside a sandbox this program is process 1 of the desktop, makes its menu, or takes files.
	if len(os.Args) > 1 && strings.HasPrefix(os.Args[1], "session-") {
		os.Exit(desktop.Main(ctx, os.Args[1:], os.Environ(), os.Stdout, os.Stderr))
	}
	syscall.Umask(0o022) // what sandboxes need to read is made readable, whoever starts us
	if err := run(ctx, os.Args[1:], os.Getenv, os.Stdout, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "backlot:", err)
		if errors.Is(err, errDamaged) {
			os.Exit(2)
		}
		os.Exit(1)
	}
}

// run is the program as a value.
func run(ctx context.Context, args []string, getenv func(string) string, stdout, stderr io.Writer) error {
	root := &cobra.Command{
		Use:           "backlot",
		Short:         "Virtual workstations for a studio, on its own machines, in the browser",
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.AddCommand(
		serveCommand(getenv),
		downCommand(getenv),
		signInLinkCommand(getenv),
		userCommand(getenv),
		keyCommand(getenv),
		storeCommand(getenv),
		backupCommand(getenv),
		doctorCommand(getenv),
		sdkCommand(),
	)
	root.SetArgs(args)
	root.SetOut(stdout)
	root.SetErr(stderr)
	return root.ExecuteContext(ctx)
}

// settings are the flags that every command has which needs the configuration.
type settings struct {
	file, data string
	command    *cobra.Command
	getenv     func(string) string
}

func addSettings(c *cobra.Command, getenv func(string) string) *settings {
	s := &settings{command: c, getenv: getenv}
	c.Flags().StringVar(&s.file, "config", "", "configuration file (docs/config.md)")
	c.Flags().StringVar(&s.data, "data", "", "data directory, in place of the configured one")
	return s
}

func (s *settings) load(change func(*config.Config)) (config.Config, error) {
	for _, name := range []string{"config", "data", "listen"} {
		if f := s.command.Flags().Lookup(name); f != nil && f.Changed && f.Value.String() == "" { // as by --data "$DATA"
			return config.Config{}, fmt.Errorf("--%s is given, but empty", name)
		}
	}
	c, err := config.Load(s.file, s.getenv)
	if err != nil {
		return config.Config{}, err
	}
	if s.command.Flags().Changed("data") {
		c.Data = s.data
	}
	if change != nil {
		change(&c)
	}
	if err := c.Check(); err != nil {
		return config.Config{}, fmt.Errorf("configuration: %w", err)
	}
	return c, nil
}
