package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/backlot/backlot/internal/studio"
)

func printJSON(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(v)
}

// table prints rows in columns; control characters in them are shown, not obeyed.
func table(w io.Writer, rows ...[]string) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, row := range rows {
		for i, cell := range row {
			row[i] = plain(cell)
		}
		if _, err := fmt.Fprintln(t, strings.Join(row, "\t")); err != nil {
			return err
		}
	}
	return t.Flush()
}

// plain is text that does nothing to a terminal.
func plain(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r >= 0x7f && r < 0xa0 {
			return '\uFFFD'
		}
		return r
	}, s)
}

func (b *backups) printBackups(w io.Writer, all []studio.BackupDetails) error {
	if b.json {
		return printJSON(w, map[string]any{"backups": all})
	}
	rows := [][]string{{"BACKUP", "MADE", "ORIGIN", "STATE", "FILES", "SIZE", "VERIFIED"}}
	for _, d := range all {
		files, size, verified := "", "", ""
		if d.Checksum != nil {
			files, size = fmt.Sprint(d.Checksum.Files), bytesOf(int64(d.Checksum.Bytes))
		}
		if d.Verification != nil {
			verified = string(d.Verification.State)
		}
		rows = append(rows, []string{d.BackupID, stamp(d.CreatedAt), d.Origin, string(d.State), files, size, verified})
	}
	return table(w, rows...)
}

func (b *backups) printBackup(w io.Writer, d *studio.BackupDetails) error {
	if b.json {
		return printJSON(w, map[string]any{"backup": d})
	}
	rows := [][]string{
		{"backup", d.BackupID},
		{"session", d.SessionID},
		{"made", stamp(d.CreatedAt) + " " + d.Origin},
		{"state", string(d.State) + ": " + d.StatusMessage},
	}
	if s := d.Checksum; s != nil {
		rows = append(rows, []string{"holds", fmt.Sprintf("%d files, %s, %s", s.Files, bytesOf(int64(s.Bytes)), s.Root)})
	}
	if v := d.Verification; v != nil {
		text := string(v.State)
		if !v.At.IsZero() {
			text += " " + stamp(v.At)
		}
		if v.Message != "" {
			text += ": " + v.Message
		}
		rows = append(rows, []string{"verification", text})
		for _, p := range v.Paths {
			rows = append(rows, []string{"", p})
		}
	}
	return table(w, rows...)
}

func (b *backups) printSession(w io.Writer, s *studio.StreamingSession) error {
	if b.json {
		return printJSON(w, map[string]any{"session": s})
	}
	return table(w, []string{"session", s.SessionID}, []string{"state", string(s.State) + ": " + s.StatusMessage})
}

func (b *backups) printFiles(w io.Writer, all []studio.BackupFile) error {
	if b.json {
		return printJSON(w, map[string]any{"files": all})
	}
	var rows [][]string
	for _, f := range all {
		name := f.Name
		switch f.Type {
		case studio.FileDirectory:
			name += "/"
		case studio.FileSymlink:
			name += " -> " + f.Target
		}
		rows = append(rows, []string{f.Mode, fmt.Sprintf("%d:%d", f.UserID, f.GroupID), bytesOf(int64(f.Size)), stamp(f.ModifiedAt), name})
	}
	return table(w, rows...)
}

func stamp(t time.Time) string { return t.Local().Format("2006-01-02 15:04:05") }

// bytesOf is a number of bytes as people say it.
func bytesOf(n int64) string {
	const kib = 1 << 10
	if n < kib {
		return fmt.Sprintf("%d B", n)
	}
	size, unit := float64(n)/kib, 0
	for size >= kib && unit < 4 {
		size /= kib
		unit++
	}
	return fmt.Sprintf("%.1f %ciB", size, "KMGTP"[unit])
}
