package powerloss

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/explog/explog"
)

// storePath is where the store is on the recorded disk: explog makes both folders.
const storePath = "var/store"

// The commands that may come first after the power is back.
const (
	firstCount = iota
	firstVerify
	firstSave
	firstImport
	firstCommands
)

var firstNames = [firstCommands]string{"count", "verify", "save", "import"}

// extra is the record that firstSave saves.
const extra = `{"id":"7d9f3c1e-0f4b-4a65-9d5e-ffffffffffff","client_id":"c","run_id":"r","problem":"p","solution":"s","score":0.5,` +
	`"timestamp":"2026-04-07T09:30:00Z","account_snapshot":{},"sources_used":[]}` + "\n"

// check opens the store that a power cut left in a folder and holds it to what was
// acknowledged. It does nothing to mend the store: that is the store's business.
func (in *inputs) check(ctx context.Context, disk string, acked total, first int) error {
	l, err := explog.Open(filepath.Join(disk, storePath), explog.Options{LockTimeout: 5 * time.Second})
	if err != nil {
		return err
	}
	if first == firstVerify && spoiled(disk) {
		first = firstCount // verify would rightly name it
	}
	switch err := in.open(ctx, l, first); {
	case errors.Is(err, explog.ErrNoStore) && acked == total{}:
		return nil // there was none yet
	case err != nil:
		return fmt.Errorf("the first command: %w", err)
	}
	if err := in.complete(ctx, l, acked, first); err != nil {
		return err
	}
	if err := in.restorable(ctx, disk); err != nil {
		return fmt.Errorf("the backup: %w", err)
	}
	return verified(ctx, l)
}

// restorable checks that a backup, where there is one under its name, is a whole
// log.
func (in *inputs) restorable(ctx context.Context, disk string) error {
	backup, err := os.ReadFile(filepath.Join(disk, storePath, backupPath))
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "restored-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	if err := os.WriteFile(filepath.Join(dir, "events.db"), backup, 0o644); err != nil {
		return err
	}
	l, err := explog.Open(dir, explog.Options{})
	if err != nil {
		return err
	}
	if err := in.complete(ctx, l, total{}, firstCount); err != nil {
		return err
	}
	return verified(ctx, l)
}

// spoiled reports whether the view is damaged by the script, and not by the cut.
func spoiled(disk string) bool {
	view, _ := os.ReadFile(filepath.Join(disk, storePath, "experiments.sqlite"))
	return bytes.HasPrefix(view, []byte(rubbish))
}

// open runs the first command.
func (in *inputs) open(ctx context.Context, l *explog.Logger, first int) error {
	var err error
	switch first {
	case firstVerify:
		err = verified(ctx, l)
	case firstSave:
		_, err = l.SaveJSON(ctx, []byte(extra), "", "")
	case firstImport:
		_, err = l.Import(ctx, strings.NewReader(in.text.String()), explog.ImportOptions{})
	default:
		_, err = l.Count(ctx, explog.Filter{})
	}
	return err
}

// complete checks that what was acknowledged is there.
func (in *inputs) complete(ctx context.Context, l *explog.Logger, acked total, first int) error {
	var export bytes.Buffer
	if _, err := l.Export(ctx, &export, explog.Filter{}, false); err != nil {
		return fmt.Errorf("export: %w", err)
	}
	got := export.Bytes()
	switch first {
	case firstSave:
		got = bytes.TrimSuffix(got, []byte(extra))
		if len(got) == export.Len() {
			return errors.New("the record saved first is not the last of the export")
		}
	case firstImport:
		acked.records = len(in.ends)
	}
	if err := in.holds(got, acked.records); err != nil {
		return err
	}
	rejects := 0
	for _, err := range l.Rejects(ctx) {
		if err != nil {
			return fmt.Errorf("rejects: %w", err)
		}
		rejects++
	}
	if rejects < acked.rejects {
		return fmt.Errorf("%d rejects are there, %d were acknowledged", rejects, acked.rejects)
	}
	return nil
}

// holds checks an export: it has what was given, each record once and in order,
// up to some record that is not before the last acknowledged one.
func (in *inputs) holds(export []byte, acked int) error {
	n := bytes.Count(export, []byte("\n"))
	if n > len(in.ends) || n > 0 && in.text.String()[:in.ends[n-1]] != string(export) || n == 0 && len(export) > 0 {
		return errors.New("the export is not a beginning of what was given")
	}
	if n < acked {
		return fmt.Errorf("%d records are in the export, %d were acknowledged", n, acked)
	}
	return nil
}

func verified(ctx context.Context, l *explog.Logger) error {
	report, err := l.Verify(ctx)
	if err != nil {
		return fmt.Errorf("verify: %w", err)
	}
	if !report.Clean() {
		return fmt.Errorf("verify finds %v %v", report.Log.Faults, report.View)
	}
	return nil
}

// checkBinary does the same with the built program.
func (in *inputs) checkBinary(ctx context.Context, binary, disk string, acked total) error {
	for _, command := range []string{"count", "export", "verify"} {
		var said bytes.Buffer
		cmd := exec.CommandContext(ctx, binary, "--dir", filepath.Join(disk, storePath), command)
		cmd.Stderr = &said
		out, err := cmd.Output()
		if err != nil && acked == (total{}) && bytes.Contains(said.Bytes(), []byte(explog.ErrNoStore.Error())) {
			return nil
		}
		if err == nil && command == "export" {
			err = in.holds(out, acked.records)
		}
		if err != nil {
			return fmt.Errorf("explog %s: %w\n%s%s", command, err, out, said.Bytes())
		}
	}
	return nil
}
