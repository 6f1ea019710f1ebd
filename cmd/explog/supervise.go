package main

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/google/uuid"

	"github.com/explog/explog"
	"github.com/explog/explog/event"
)

// The exit codes of capture that are not the program's, as timeout(1) and env(1)
// have them.
const (
	exitTimedOut   = 124
	exitUnsaved    = 125
	exitCannotRun  = 126
	exitNotFound   = 127
	exitBySignal   = 128 // and the signal's number
	graceOfKill    = 5 * time.Second
	graceOfOutput  = time.Second
	longestBackoff = time.Minute
)

// supervisor runs a program, captures its records, and runs it again.
type supervisor struct {
	c        *console
	log      *explog.Logger
	opts     explog.CaptureOptions
	program  []string
	restarts int
	timeout  time.Duration // 0: none

	signals chan os.Signal
	total   explog.ImportReport // of all attempts
}

// listen minds signals from now on; stop ends that.
func (s *supervisor) listen() (stop func()) {
	s.signals = make(chan os.Signal, 8)
	signal.Notify(s.signals, minded(syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGQUIT, syscall.SIGUSR1, syscall.SIGUSR2, syscall.SIGWINCH)...)
	return func() { signal.Stop(s.signals) }
}

// ended says how an attempt ended.
type ended struct {
	event.RunEnded
	code    int   // explog's exit code
	group   int   // the program's process group, of which some may still run; 0: it was not started
	stopped bool  // a signal to explog ended it: it is not run again
	err     error // the store's, or of starting
}

// supervise runs the program until it succeeds or there are no restarts left, and
// returns the exit code of explog.
func (s *supervisor) supervise(ctx context.Context) (int, error) {
	backoff := time.Second
	for attempt := 1; ; attempt++ {
		began := time.Now()
		e := s.attempt(ctx, attempt)
		if e.Outcome != "" && e.err == nil {
			s.c.note("%s: %s; %s", s.opts.Run, endText(e), capturedText(s.total))
		}
		if e.code == 0 || e.stopped || e.err != nil || attempt > s.restarts {
			return e.code, e.err
		}
		if time.Since(began) > longestBackoff {
			backoff = time.Second
		}
		if sig := s.endGroup(e.group); sig != nil {
			return codeOf(sig), nil
		}
		s.c.note("%s: restart %d of %d in %v", s.opts.Run, attempt, s.restarts, backoff)
		if sig := s.pause(backoff); sig != nil {
			return codeOf(sig), nil
		}
		backoff = min(2*backoff, longestBackoff)
	}
}

// pause waits before a restart; a signal that would end a program ends the wait.
func (s *supervisor) pause(d time.Duration) os.Signal {
	timer := time.NewTimer(d)
	defer timer.Stop()
	for {
		select {
		case <-timer.C:
			return nil
		case sig := <-s.signals:
			if ends(sig) {
				return sig
			}
		}
	}
}

// endGroup ends what a failed program started and left running, which may still hold
// a GPU or a port. It asks first, as for a timeout, and waits until all have ended. A
// signal that would end a program ends the wait, and them at once.
func (s *supervisor) endGroup(group int) os.Signal {
	if !groupRuns(group) {
		return nil
	}
	s.c.note("%s: ending what the program started and left running", s.opts.Run)
	_ = syscall.Kill(-group, syscall.SIGTERM)
	_ = syscall.Kill(-group, syscall.SIGCONT)
	killTime, giveUp := time.Now().Add(graceOfKill), time.Now().Add(2*graceOfKill)
	for killed := false; groupRuns(group) && time.Now().Before(giveUp); {
		sig := s.pause(20 * time.Millisecond)
		if !killed && (sig != nil || time.Now().After(killTime)) {
			killed = true
			_ = syscall.Kill(-group, syscall.SIGKILL)
		}
		if sig != nil {
			return sig
		}
	}
	return nil
}

// attempt runs the program once.
func (s *supervisor) attempt(ctx context.Context, n int) ended {
	var id uuid.UUID
	sig, err := s.unless(ctx, func(ctx context.Context) (err error) {
		id, err = s.log.StartRun(ctx, s.started(ctx, n))
		return err
	})
	if sig != nil {
		return ended{code: codeOf(sig), stopped: true}
	}
	if err != nil { // better no result than one that nobody keeps
		return ended{code: exitUnsaved, err: fmt.Errorf("not started, because nothing can be saved: %w", err)}
	}
	e := s.runOnce(ctx)
	e.Start = id
	sig, err = s.unless(ctx, func(ctx context.Context) error { return s.log.EndRun(ctx, e.RunEnded) })
	if sig != nil {
		s.c.note("%s: its end is not logged: interrupted", s.opts.Run)
	} else if err != nil && e.err == nil {
		e.code, e.err = exitUnsaved, fmt.Errorf("the end of the run could not be logged: %w", err)
	}
	return e
}

// unless does something that can wait for other processes, and gives it up at a
// signal that would end a program.
func (s *supervisor) unless(ctx context.Context, do func(context.Context) error) (os.Signal, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- do(ctx) }()
	for {
		select {
		case err := <-done:
			return nil, err
		case sig := <-s.signals:
			if ends(sig) {
				cancel()
				if err := <-done; err == nil { // it was done already
					return nil, nil
				}
				return sig, nil
			}
		}
	}
}

func (s *supervisor) runOnce(ctx context.Context) ended {
	child, err := startChild(s.program, s.opts.Terminal)
	if err != nil {
		return notStarted(s.program[0], err)
	}
	defer child.close()
	captured, failed := make(chan captureEnd, 1), make(chan struct{})
	opts := s.opts
	opts.OnFailure = func(error) { close(failed) }
	go func() {
		report, err := s.log.Capture(ctx, child.output, opts)
		captured <- captureEnd{report, err}
	}()
	e := s.watch(child, captured, failed)
	e.group = child.cmd.Process.Pid
	return e
}

// captureEnd is what Capture returned.
type captureEnd struct {
	report explog.ImportReport
	err    error
}

// watch waits for the program's end, passes signals on and minds the time. It ends
// the program when its records cannot be saved any more.
func (s *supervisor) watch(child *child, captured <-chan captureEnd, failed <-chan struct{}) ended {
	var e ended
	exited := child.wait()
	var timeUp, killTime <-chan time.Time
	var asked time.Time // to end, by a signal
	if s.timeout > 0 {
		timer := time.NewTimer(s.timeout)
		defer timer.Stop()
		timeUp = timer.C
	}
	end := func() { // ask first, then make it end
		child.signal(syscall.SIGTERM)
		child.signal(syscall.SIGCONT)
		killTime = time.After(graceOfKill)
	}
	for {
		select {
		case sig := <-s.signals:
			child.signal(sig.(syscall.Signal))
			if ends(sig) {
				child.signal(syscall.SIGCONT) // stopped, it would not see the other
				asked = time.Now()
			}
		case <-timeUp:
			e.Outcome = event.RunTimedOut
			end()
		case <-killTime:
			child.signal(syscall.SIGKILL)
		case <-failed:
			failed = nil
			end()
		case status := <-exited:
			if e.Outcome == event.RunTimedOut {
				child.signal(syscall.SIGKILL) // what it started and did not end with it
			}
			e.stopped = time.Since(asked) < longestBackoff // one that goes on for long was not ended by it
			capture := s.lastOutput(&e, child, captured)
			s.finish(&e, status, capture)
			return e
		}
	}
}

// lastOutput waits for what the program printed before it ended. Something that it
// started may hold its output open for ever; that is not waited for. A signal ends
// the wait for that, and a second one the wait for who reads explog's output.
func (s *supervisor) lastOutput(e *ended, child *child, captured <-chan captureEnd) captureEnd {
	patience := time.After(graceOfOutput)
	for asked := 0; ; {
		select {
		case got := <-captured:
			if child.output.cut {
				s.c.note("the program has ended, but something that it started still holds its output; not waiting for that")
			}
			return got
		case <-patience:
			child.output.drain()
		case sig := <-s.signals:
			if !ends(sig) {
				continue
			}
			child.output.drain()
			e.stopped = true
			if asked++; asked == 2 {
				s.c.note("interrupted: what the program printed last is not all handed on, nor counted")
				return captureEnd{}
			}
		}
	}
}

// finish puts together how the attempt ended.
func (s *supervisor) finish(e *ended, status syscall.WaitStatus, capture captureEnd) {
	r := capture.report
	e.New, e.Duplicate, e.Conflicting, e.Rejected = r.New, r.Duplicate, r.Conflicting, r.Rejected
	s.total.Add(r)
	e.ExitCode, e.code = status.ExitStatus(), status.ExitStatus()
	if status.Signaled() {
		e.Signal, e.code = status.Signal().String(), exitBySignal+int(status.Signal())
	}
	switch {
	case capture.err != nil:
		e.Outcome, e.code, e.err = event.RunUnsaved, exitUnsaved, captureError(capture.err)
	case e.Outcome == event.RunTimedOut:
		e.code = exitTimedOut
	case status.Signaled():
		e.Outcome = event.RunKilled
	default:
		e.Outcome = event.RunExited
	}
}

func notStarted(program string, err error) ended {
	e := ended{RunEnded: event.RunEnded{Outcome: event.RunNotStarted, ExitCode: -1}, code: exitCannotRun}
	if errors.Is(err, exec.ErrNotFound) || errors.Is(err, fs.ErrNotExist) {
		e.code = exitNotFound
	}
	e.err = fmt.Errorf("%s could not be started: %w", program, err)
	return e
}

// ends reports whether a signal asks a program to end.
func ends(sig os.Signal) bool {
	return sig == syscall.SIGINT || sig == syscall.SIGTERM || sig == syscall.SIGHUP || sig == syscall.SIGQUIT
}

func codeOf(sig os.Signal) int { return exitBySignal + int(sig.(syscall.Signal)) }

func endText(e ended) string {
	switch e.Outcome {
	case event.RunTimedOut:
		return "its time was up"
	case event.RunKilled:
		return "ended by a signal (" + e.Signal + ")"
	}
	return fmt.Sprintf("exit code %d", e.ExitCode)
}

// started describes the run about to start.
func (s *supervisor) started(ctx context.Context, attempt int) event.RunStarted {
	host, _ := os.Hostname() // both are for information: a run without them is one
	dir, _ := os.Getwd()
	return event.RunStarted{
		ID: uuid.New(), RunID: s.opts.Run, Client: s.opts.Client, Attempt: attempt, Command: s.program,
		Host: host, Dir: dir, GitCommit: gitCommit(ctx),
	}
}

// gitCommit returns the commit that the working directory is at; empty where there
// is none, or no git.
func gitCommit(ctx context.Context) string {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	out, err := exec.CommandContext(ctx, "git", "rev-parse", "--verify", "HEAD").Output()
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(out))
}

// newRunID returns a run id such as run-2026-04-07-3fa2c1d0e9b8.
func newRunID(now time.Time) string {
	var b [6]byte
	_, _ = rand.Read(b[:]) // it never fails
	return "run-" + now.Format(time.DateOnly) + "-" + hex.EncodeToString(b[:])
}

func (s *supervisor) catchUp(ctx context.Context) {
	if s.total.Read == 0 {
		return
	}
	if sig, err := s.unless(ctx, s.log.CatchUp); sig == nil && err != nil {
		s.c.note("the records are saved; the view will follow: %v", err)
	}
}
