//go:build linux

package faults

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
)

// timeLimit is how long a command may take: it waits for a lock for at most 5 s.
const timeLimit = 30 * time.Second

// outcome is how a run of a command ended.
type outcome struct {
	code           int // -1: it was killed
	stdout, stderr string
	hung           bool
}

// String is the exit code and what was printed, without records, on one line.
func (o outcome) String() string {
	text := fmt.Sprintf("exit code %d", o.code)
	for line := range strings.Lines(o.stdout + o.stderr) {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "{") {
			text += "; " + line
		}
	}
	return text[:min(len(text), 600)]
}

// start starts a command of explog on a disk that is mounted, or written, to a folder.
func (s *scenario) start(ctx context.Context, binary, disk string) (cmd *exec.Cmd, wait func() (outcome, error), err error) {
	ctx, cancel := context.WithTimeout(ctx, timeLimit)
	args := []string{"--dir", filepath.Join(disk, storePath), "--lock-timeout", "5s"}
	for _, arg := range s.args {
		if rest, on := strings.CutPrefix(arg, "@"); on {
			arg = filepath.Join(disk, rest)
		}
		args = append(args, arg)
	}
	cmd = exec.CommandContext(ctx, binary, args...)
	cmd.Env = append(os.Environ(), "TMPDIR="+filepath.Join(disk, tempPath))
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if s.stdin {
		in, err := os.Open(s.input)
		if err != nil {
			cancel()
			return nil, nil, err
		}
		defer in.Close()
		cmd.Stdin = in
	}
	if err := cmd.Start(); err != nil {
		cancel()
		return nil, nil, err
	}
	return cmd, func() (outcome, error) {
		defer cancel()
		err := cmd.Wait()
		o := outcome{stdout: stdout.String(), stderr: stderr.String(), hung: ctx.Err() != nil}
		if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
			o.code, err = exit.ExitCode(), nil
		}
		return o, err
	}, nil
}
