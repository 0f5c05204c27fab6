package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"

	"github.com/spf13/cobra"

	"github.com/backlot/backlot/internal/studio"
)

// finding is something that a person should know.
type finding struct {
	About   string `json:"about"`
	Problem string `json:"problem"`
	Do      string `json:"do"`
	// Needed tells that it does not mend itself.
	Needed bool `json:"needed"`
}

// errUnwell is how the doctor ends that found something which needs a person.
var errUnwell = errors.New("something needs a person")

// doctor are the commands on what is wrong, calls of a server's API but for one.
type doctor struct {
	getenv             func(string) string
	endpoint, studioID string
	json               bool
}

func doctorCommand(getenv func(string) string) *cobra.Command {
	d := &doctor{getenv: getenv}
	c := &cobra.Command{
		Use:   "doctor",
		Short: "Tell what is wrong and what to do; ends with 1 if something needs a person",
		Long: "Asks the server that AWS_ENDPOINT_URL names, with the keys of an account administrator in\n" +
			"AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_REGION. With --data, or without those,\n" +
			"it looks at the data directory itself; that needs root, and tells most while no server runs.",
		Args: cobra.NoArgs,
	}
	c.PersistentFlags().StringVar(&d.endpoint, "endpoint-url", "", "address of the server, in place of AWS_ENDPOINT_URL")
	c.PersistentFlags().BoolVar(&d.json, "json", false, "print JSON")
	s := addSettings(c, getenv)
	c.RunE = func(c *cobra.Command, _ []string) error {
		log := slog.New(slog.NewTextHandler(c.ErrOrStderr(), &slog.HandlerOptions{Level: slog.LevelError}))
		found := []finding{}
		remote := cmp.Or(d.endpoint, getenv("AWS_ENDPOINT_URL")) != ""
		if s.data != "" || s.file != "" || !remote {
			conf, err := s.load(nil)
			if err != nil {
				return err
			}
			if err := enterOwnMounts(); err != nil {
				return err
			}
			found = append(found, examine(c.Context(), conf, log)...)
		}
		if remote {
			found = append(found, d.ask(c.Context())...)
		}
		return d.tell(c.OutOrStdout(), found)
	}
	c.AddCommand(d.adopt(), d.remove())
	return c
}

func (d *doctor) tell(w io.Writer, found []finding) error {
	unwell := error(nil)
	for _, f := range found {
		if f.Needed {
			unwell = errUnwell
		}
	}
	if d.json {
		return errors.Join(printJSON(w, map[string]any{"findings": found}), unwell)
	}
	for _, f := range found {
		mark := "-"
		if f.Needed {
			mark = "!"
		}
		if _, err := fmt.Fprintf(w, "%s %s: %s\n  %s\n", mark, plain(f.About), plain(f.Problem), plain(f.Do)); err != nil {
			return err
		}
	}
	if len(found) == 0 {
		_, err := fmt.Fprintln(w, "Nothing is wrong.")
		return err
	}
	return unwell
}

// ask has the server tell what is lost.
func (d *doctor) ask(ctx context.Context) []finding {
	lost, err := d.lost(ctx)
	if err != nil {
		return []finding{{"the server", err.Error(), "Start it by `backlot serve`, or give the keys of an account administrator (`backlot key create`).", true}}
	}
	return lostFindings(lost)
}

func (d *doctor) lost(ctx context.Context) (all []studio.Lost, err error) {
	c, err := newClient(d.endpoint, d.getenv)
	if err != nil {
		return nil, err
	}
	for token := ""; ; {
		var answer studio.ListLostResponse
		if err := c.call(ctx, "GET", "lost", paging(token), nil, &answer); err != nil {
			return nil, err
		}
		all = append(all, answer.Lost...)
		if token = answer.NextToken; token == "" {
			return all, nil
		}
	}
}

func lostFindings(lost []studio.Lost) (found []finding) {
	for _, l := range lost {
		kind, was := "volume ", ""
		if l.Kind == studio.LostSnapshot {
			kind = "snapshot "
		}
		if l.SessionID != "" {
			was = " It was of session " + l.SessionID + "."
		}
		found = append(found, finding{
			kind + l.LostID,
			fmt.Sprintf("It is lost: %s It holds %s, changed last %s.%s", l.Reason, bytesOf(int64(l.UsedBytes)), stamp(l.ChangedAt), was),
			fmt.Sprintf("Make a session of it by `backlot doctor adopt %[1]s --launch-profile ID`, or delete it for good by `backlot doctor delete %[1]s --yes`.", l.LostID),
			true,
		})
	}
	return found
}

func (d *doctor) adopt() *cobra.Command {
	var asked studio.AdoptLostRequest
	c := &cobra.Command{Use: "adopt ID", Short: "Make a new session of a lost volume or snapshot", Args: cobra.ExactArgs(1)}
	c.Flags().StringVar(&d.studioID, "studio-id", "", "the studio, in place of BACKLOT_STUDIO_ID")
	c.Flags().StringVar(&asked.LaunchProfileID, "launch-profile", "", "launch profile of the session; its sessions must keep their volumes")
	owner := c.Flags().String("owned-by", "", "principal id of the owner, in place of the caller")
	_ = c.MarkFlagRequired("launch-profile") // it is there
	c.RunE = func(c *cobra.Command, args []string) error {
		studioID := cmp.Or(d.studioID, d.getenv("BACKLOT_STUDIO_ID"))
		if studioID == "" {
			return errors.New("say which studio the session is to be in: --studio-id or BACKLOT_STUDIO_ID")
		}
		if *owner != "" {
			asked.OwnedBy = owner
		}
		server, err := newClient(d.endpoint, d.getenv)
		if err != nil {
			return err
		}
		var answer studio.AdoptLostResponse
		if err := server.call(c.Context(), "POST", escape("studios", studioID, "lost", args[0], "adopt"), nil, asked, &answer); err != nil {
			return err
		}
		return (&backups{json: d.json}).printSession(c.OutOrStdout(), answer.Session)
	}
	return c
}

func (d *doctor) remove() *cobra.Command {
	c := &cobra.Command{Use: "delete ID", Short: "Delete a lost volume or snapshot for good", Args: cobra.ExactArgs(1)}
	yes := c.Flags().Bool("yes", false, "really: there is no way back")
	c.RunE = func(c *cobra.Command, args []string) error {
		if !*yes {
			return fmt.Errorf("%s may be the only copy of somebody's work; say --yes to delete it for good", args[0])
		}
		server, err := newClient(d.endpoint, d.getenv)
		if err != nil {
			return err
		}
		return server.call(c.Context(), "DELETE", escape("lost", args[0]), nil, nil, &studio.DeleteLostResponse{})
	}
	return c
}
