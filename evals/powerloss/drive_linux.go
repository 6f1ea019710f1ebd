package powerloss

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/explog/explog/evals/internal/memfs"
)

// driver runs steps on a mounted folder.
type driver struct {
	binary string
	dir    string // the mount
	rec    *memfs.Journal
}

// drive runs all steps, one after the other.
func (d *driver) drive(ctx context.Context, steps []*step) error {
	for n, st := range steps {
		if err := d.do(ctx, n, st); err != nil {
			return fmt.Errorf("step %d, %v: %w\n%s", n, st, err, d.rec.Said())
		}
	}
	return nil
}

// do runs one step. A shell opens the file that it speaks into, not this process:
// one that waits for a file system that it serves itself can wait for ever.
func (d *driver) do(ctx context.Context, n int, st *step) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	store := filepath.Join(d.dir, storePath)
	script := `exec "$@" >"$0" 2>&1`
	if st.stdin != "" {
		script = "exec <'" + st.stdin + "'; " + script
	}
	args := append([]string{d.binary, "--dir", store}, st.args...)
	if last := len(args) - 1; args[last] == backupPath {
		args[last] = filepath.Join(store, backupPath)
	}
	if st.shell != "" {
		args = []string{"sh", "-c", `cd "$0" && ` + st.shell, store}
	}
	cmd := exec.CommandContext(ctx, "sh", append([]string{"-c", script, filepath.Join(d.dir, memfs.VoiceName)}, args...)...)
	started, killed := make(chan struct{}), false
	d.rec.Step(n, func(name string, o memfs.Op) {
		if !killed && st.killAt != nil && st.killAt(name, o) {
			<-started
			killed = cmd.Process.Kill() == nil
		}
	})
	if err := cmd.Start(); err != nil {
		return err
	}
	close(started)
	return d.ended(st, cmd.Wait(), func() (was bool) {
		d.rec.Do(func() { was = killed })
		return was
	})
}

// ended checks how a step ended.
func (d *driver) ended(st *step, err error, killed func() bool) error {
	code := 0
	var exit *exec.ExitError
	switch {
	case errors.As(err, &exit):
		code = exit.ExitCode()
	case err != nil:
		return err
	}
	switch {
	case st.killAt != nil && !killed():
		return errors.New("it ended before it was to be killed")
	case st.killAt == nil && code != st.exit:
		return fmt.Errorf("exit code %d, want %d", code, st.exit)
	case st.given.path != "" && st.killAt == nil && !strings.Contains(d.rec.Said(), "\n"):
		return errors.New("it acknowledged nothing")
	}
	return nil
}
