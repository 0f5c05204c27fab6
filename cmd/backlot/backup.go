package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/backlot/backlot/internal/studio"
)

// backups are the commands on backups, calls of a server's API.
type backups struct {
	getenv   func(string) string
	endpoint string
	studioID string
	json     bool

	*client
}

func backupCommand(getenv func(string) string) *cobra.Command {
	b := &backups{getenv: getenv}
	c := &cobra.Command{
		Use:   "backup",
		Short: "Backups of sessions: make, check, look into, take elsewhere, bring back",
		Long: "Calls the API of a server, with the keys and the address that AWS_ACCESS_KEY_ID,\n" +
			"AWS_SECRET_ACCESS_KEY, AWS_REGION and AWS_ENDPOINT_URL name.",
		PersistentPreRunE: func(*cobra.Command, []string) (err error) {
			b.client, err = newClient(b.endpoint, getenv)
			return err
		},
	}
	c.PersistentFlags().StringVar(&b.endpoint, "endpoint-url", "", "address of the server, in place of AWS_ENDPOINT_URL")
	c.PersistentFlags().StringVar(&b.studioID, "studio-id", "", "the studio, in place of BACKLOT_STUDIO_ID; a session's id tells its own")
	c.PersistentFlags().BoolVar(&b.json, "json", false, "print JSON")
	c.AddCommand(b.create(), b.list(), b.show(), b.remove(), b.verify(), b.restore(), b.files(), b.fetchFile(), b.export(), b.importArchive())
	return c
}

// studio is the id of the studio that a session's or backup's id is of.
func (b *backups) studio(id string) (string, error) {
	studioID, _, isSession := strings.Cut(id, ".")
	if !isSession {
		studioID = ""
	}
	if s := cmp.Or(b.studioID, studioID, b.getenv("BACKLOT_STUDIO_ID")); s != "" {
		return s, nil
	}
	return "", errors.New("say which studio the backup is of: --studio-id or BACKLOT_STUDIO_ID")
}

// ofSession and ofBackup are paths below the API's prefix.
func (b *backups) ofSession(id string, more ...string) (string, error) {
	studioID, err := b.studio(id)
	return escape(append([]string{"studios", studioID, "streaming-sessions", id, "backups"}, more...)...), err
}

func (b *backups) ofBackup(id string, more ...string) (string, error) {
	studioID, err := b.studio(id)
	return escape(append([]string{"studios", studioID, "streaming-session-backups", id}, more...)...), err
}

func (b *backups) create() *cobra.Command {
	var tags map[string]string
	var wait bool
	c := &cobra.Command{Use: "create SESSION", Short: "Back a session up now", Args: cobra.ExactArgs(1)}
	c.Flags().StringToStringVar(&tags, "tag", nil, "KEY=VALUE, to be repeated")
	c.Flags().BoolVar(&wait, "wait", false, "until the backup is READY")
	c.RunE = func(c *cobra.Command, args []string) error {
		path, err := b.ofSession(args[0])
		if err != nil {
			return err
		}
		var answer studio.CreateBackupResponse
		if err := b.call(c.Context(), "POST", path, nil, studio.CreateBackupRequest{Tags: tags}, &answer); err != nil {
			return err
		}
		if wait {
			if answer.Backup, err = b.await(c.Context(), answer.Backup.BackupID, func(d *studio.BackupDetails) bool { return d.State != studio.CreateInProgress }); err != nil {
				return err
			}
			if answer.Backup.State != studio.Ready {
				return fmt.Errorf("the backup %s is %s: %s", answer.Backup.BackupID, answer.Backup.State, answer.Backup.StatusMessage)
			}
		}
		return b.printBackup(c.OutOrStdout(), answer.Backup)
	}
	return c
}

// await asks for a backup until done.
func (b *backups) await(ctx context.Context, id string, done func(*studio.BackupDetails) bool) (*studio.BackupDetails, error) {
	for {
		d, err := b.get(ctx, id)
		if err != nil || done(d) {
			return d, err
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(time.Second):
		}
	}
}

func (b *backups) get(ctx context.Context, id string) (*studio.BackupDetails, error) {
	path, err := b.ofBackup(id)
	if err != nil {
		return nil, err
	}
	var answer studio.GetBackupResponse
	err = b.call(ctx, "GET", path, nil, nil, &answer)
	return answer.Backup, err
}

func (b *backups) list() *cobra.Command {
	return &cobra.Command{
		Use: "list SESSION", Short: "List the backups of a session, the newest first", Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			path, err := b.ofSession(args[0])
			if err != nil {
				return err
			}
			all := []studio.BackupDetails{}
			for token := ""; ; {
				var answer studio.ListBackupsResponse
				if err := b.call(c.Context(), "GET", path, paging(token), nil, &answer); err != nil {
					return err
				}
				all = append(all, answer.Backups...)
				if token = answer.NextToken; token == "" {
					return b.printBackups(c.OutOrStdout(), all)
				}
			}
		},
	}
}

// paging asks for a page as large as can be.
func paging(token string) url.Values {
	q := url.Values{"maxResults": {strconv.Itoa(100)}}
	if token != "" {
		q.Set("nextToken", token)
	}
	return q
}

func (b *backups) show() *cobra.Command {
	return &cobra.Command{
		Use: "show BACKUP", Short: "Show a backup", Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			d, err := b.get(c.Context(), args[0])
			if err != nil {
				return err
			}
			return b.printBackup(c.OutOrStdout(), d)
		},
	}
}

func (b *backups) remove() *cobra.Command {
	return &cobra.Command{
		Use: "delete BACKUP", Short: "Delete a backup", Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			path, err := b.ofBackup(args[0])
			if err != nil {
				return err
			}
			var answer studio.DeleteBackupResponse
			if err := b.call(c.Context(), "DELETE", path, nil, nil, &answer); err != nil {
				return err
			}
			return b.printBackup(c.OutOrStdout(), answer.Backup)
		},
	}
}

// errDamaged is how a command ends that found a backup damaged.
var errDamaged = errors.New("the backup is damaged")

func (b *backups) verify() *cobra.Command {
	var wait bool
	c := &cobra.Command{
		Use: "verify BACKUP", Short: "Read a backup again and compare it with what it was; ends with 2 if it is damaged", Args: cobra.ExactArgs(1),
	}
	c.Flags().BoolVar(&wait, "wait", false, "until it has been read")
	c.RunE = func(c *cobra.Command, args []string) error {
		path, err := b.ofBackup(args[0], "verify")
		if err != nil {
			return err
		}
		var answer studio.VerifyBackupResponse
		if err := b.call(c.Context(), "POST", path, nil, nil, &answer); err != nil {
			return err
		}
		d := answer.Backup
		if wait {
			if d, err = b.await(c.Context(), args[0], func(d *studio.BackupDetails) bool {
				return d.Verification == nil || d.Verification.State != "IN_PROGRESS"
			}); err != nil {
				return err
			}
		}
		if err := b.printBackup(c.OutOrStdout(), d); err != nil || !wait {
			return err
		}
		switch v := d.Verification; {
		case v == nil:
			return fmt.Errorf("the backup is %s: %s", d.State, d.StatusMessage)
		case v.State == "DAMAGED":
			return errDamaged
		case v.State != "VERIFIED":
			return errors.New(cmp.Or(v.Message, "the backup was not verified"))
		}
		return nil
	}
	return c
}

func (b *backups) restore() *cobra.Command {
	var asked studio.RestoreBackupRequest
	c := &cobra.Command{Use: "restore BACKUP", Short: "Make a new session that begins as a backup", Args: cobra.ExactArgs(1)}
	optional := map[string]*string{}
	for name, usage := range map[string]string{
		"launch-profile-id": "launch profile, in place of the backup's", "ec2-instance-type": "instance type, in place of the profile's first",
		"streaming-image-id": "image, in place of the profile's first", "owned-by": "principal id of the owner, in place of the caller",
	} {
		optional[name] = c.Flags().String(name, "", usage)
	}
	c.Flags().StringToStringVar(&asked.Tags, "tag", nil, "KEY=VALUE, to be repeated")
	c.RunE = func(c *cobra.Command, args []string) error {
		path, err := b.ofBackup(args[0], "restore")
		if err != nil {
			return err
		}
		for name, member := range map[string]**string{
			"launch-profile-id": &asked.LaunchProfileID, "ec2-instance-type": &asked.EC2InstanceType,
			"streaming-image-id": &asked.StreamingImageID, "owned-by": &asked.OwnedBy,
		} {
			if c.Flags().Changed(name) {
				*member = optional[name]
			}
		}
		var answer studio.RestoreBackupResponse
		if err := b.call(c.Context(), "POST", path, nil, asked, &answer); err != nil {
			return err
		}
		return b.printSession(c.OutOrStdout(), answer.Session)
	}
	return c
}
