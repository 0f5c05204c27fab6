package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"

	"github.com/backlot/backlot/internal/studio"
)

func (b *backups) files() *cobra.Command {
	return &cobra.Command{
		Use: "files BACKUP [PATH]", Short: "List a directory of a backup", Args: cobra.RangeArgs(1, 2),
		RunE: func(c *cobra.Command, args []string) error {
			where, err := b.ofBackup(args[0], "files")
			if err != nil {
				return err
			}
			all := []studio.BackupFile{}
			for token := ""; ; {
				query := paging(token)
				if len(args) > 1 {
					query.Set("path", args[1])
				}
				var answer studio.ListBackupFilesResponse
				if err := b.call(c.Context(), "GET", where, query, nil, &answer); err != nil {
					return err
				}
				all = append(all, answer.Files...)
				if token = answer.NextToken; token == "" {
					return b.printFiles(c.OutOrStdout(), all)
				}
			}
		},
	}
}

func (b *backups) fetchFile() *cobra.Command {
	return &cobra.Command{
		Use: "fetch BACKUP PATH [FILE]", Short: "Fetch one file of a backup, into FILE, one of its name, or - for the output", Args: cobra.RangeArgs(2, 3),
		RunE: func(c *cobra.Command, args []string) error {
			where, err := b.ofBackup(args[0], "file")
			if err != nil {
				return err
			}
			file := path.Base(args[1])
			if len(args) > 2 {
				file = args[2]
			}
			return b.download(c, where, url.Values{"path": {args[1]}}, file)
		},
	}
}

func (b *backups) export() *cobra.Command {
	return &cobra.Command{
		Use: "export BACKUP FILE", Short: "Write a backup to an archive, or to - for the output", Args: cobra.ExactArgs(2),
		RunE: func(c *cobra.Command, args []string) error {
			where, err := b.ofBackup(args[0], "archive")
			if err != nil {
				return err
			}
			return b.download(c, where, nil, args[1])
		},
	}
}

// download writes what a path answers to a file, which appears whole or not at all.
func (b *backups) download(c *cobra.Command, where string, query url.Values, file string) (err error) {
	answer, err := b.fetch(c.Context(), where, query)
	if err != nil {
		return err
	}
	defer func() { _ = answer.Body.Close() }() // it was only read
	body := watched(answer.Body, c.ErrOrStderr(), answer.ContentLength)
	defer body.end()
	if file == "-" {
		_, err := io.Copy(c.OutOrStdout(), body)
		return broken(err)
	}
	f, err := os.CreateTemp(filepath.Dir(file), "."+filepath.Base(file)+".*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(f.Name()))
		}
	}()
	_, err = io.Copy(f, body)
	if err = errors.Join(broken(err), f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := os.Rename(f.Name(), file); err != nil {
		return err
	}
	dir, err := os.Open(filepath.Dir(file))
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}

// broken says what it means that an answer ends too early.
func broken(err error) error {
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("the server broke off, its log says why: %w", err)
	}
	return err
}

func (b *backups) importArchive() *cobra.Command {
	return &cobra.Command{
		Use: "import SESSION FILE", Short: "Make a backup of a session from an archive, or from - for the input", Args: cobra.ExactArgs(2),
		RunE: func(c *cobra.Command, args []string) error {
			where, err := b.ofSession(args[0], "archive")
			if err != nil {
				return err
			}
			archive, size := c.InOrStdin(), int64(-1)
			if args[1] != "-" {
				f, err := os.Open(args[1])
				if err != nil {
					return err
				}
				defer func() { _ = f.Close() }() // it was only read
				info, err := f.Stat()
				if err != nil {
					return err
				}
				if archive = f; info.Mode().IsRegular() {
					size = info.Size()
				}
			}
			d, err := b.upload(c.Context(), where, watched(archive, c.ErrOrStderr(), size), size)
			if err != nil {
				return err
			}
			return b.printBackup(c.OutOrStdout(), d)
		},
	}
}

// upload sends an archive. The server asks for its bytes only when it will take them.
func (b *backups) upload(ctx context.Context, where string, archive *progress, size int64) (*studio.BackupDetails, error) {
	defer archive.end()
	if size == 0 {
		return nil, errors.New("the file is empty")
	}
	answer, err := b.do(ctx, request{
		method: http.MethodPost, path: where, body: archive, size: size, hash: "UNSIGNED-PAYLOAD", header: http.Header{"Expect": {"100-continue"}},
	})
	if err != nil {
		return nil, err
	}
	defer func() { _ = answer.Body.Close() }() // it was only read
	var imported studio.ImportBackupResponse
	if err := json.NewDecoder(answer.Body).Decode(&imported); err != nil {
		return nil, fmt.Errorf("read the answer: %w", err)
	}
	return imported.Backup, nil
}

// progress tells on a terminal how far the reading of something has come.
type progress struct {
	from     io.Reader
	terminal io.Writer // nil: it is told to nobody
	size     int64     // -1: not known
	done     int64
	began    time.Time
	told     time.Time
}

func watched(from io.Reader, w io.Writer, size int64) *progress {
	p := &progress{from: from, size: size, began: time.Now()}
	if f, ok := w.(*os.File); ok {
		if _, err := unix.IoctlGetTermios(int(f.Fd()), unix.TCGETS); err == nil {
			p.terminal = w
		}
	}
	return p
}

// Read implements io.Reader.
func (p *progress) Read(b []byte) (int, error) {
	n, err := p.from.Read(b)
	p.done += int64(n)
	if now := time.Now(); p.terminal != nil && now.Sub(p.told) > 200*time.Millisecond {
		p.told = now
		p.tell(now)
	}
	return n, err
}

func (p *progress) tell(now time.Time) {
	text := bytesOf(p.done)
	if p.size > 0 {
		text += fmt.Sprintf(" of %s, %d%%", bytesOf(p.size), 100*p.done/p.size)
	}
	if passed := now.Sub(p.began); passed > time.Second {
		text += fmt.Sprintf(", %s/s", bytesOf(int64(float64(p.done)/passed.Seconds())))
	}
	_, _ = fmt.Fprintf(p.terminal, "\r\x1b[K%s", text) // a terminal that has gone is nobody's loss
}

// end leaves the terminal's line.
func (p *progress) end() {
	if p.terminal != nil && !p.told.IsZero() {
		p.tell(time.Now())
		_, _ = fmt.Fprintln(p.terminal)
	}
}
