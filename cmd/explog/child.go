package main

import (
	"bytes"
	"errors"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/creack/pty"
	"golang.org/x/sys/unix"
	"golang.org/x/term"
)

// child is the program whose output is captured. It has a process group of its own,
// so that a signal reaches all that it started, and reaches it once: on a terminal
// the group is in the foreground, and Ctrl-C is for it alone.
type child struct {
	cmd    *exec.Cmd
	output *childOutput
	tty    int // the terminal whose foreground it has; -1: none
}

// startChild starts a program with the standard input and error of explog.
func startChild(program []string, usePTY bool) (*child, error) {
	read, write, err := openOutput(usePTY)
	if err != nil {
		return nil, err
	}
	defer write.Close()
	cmd := exec.Command(program[0], program[1:]...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, write, os.Stderr
	cmd.Env = os.Environ()
	for _, name := range []string{"PYTHONUNBUFFERED", "NO_COLOR"} {
		if os.Getenv(name) == "" {
			cmd.Env = append(cmd.Env, name+"=1")
		}
	}
	c := &child{cmd: cmd, output: &childOutput{file: read, left: mostInPipe}, tty: foreground()}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if c.tty >= 0 {
		cmd.SysProcAttr.Foreground, cmd.SysProcAttr.Ctty = true, c.tty
	}
	if err := cmd.Start(); err != nil {
		read.Close()
		return nil, err
	}
	return c, nil
}

// openOutput makes what the program prints into: a pipe, or a terminal that changes
// nothing of what goes through it.
func openOutput(usePTY bool) (read, write *os.File, err error) {
	if !usePTY {
		return os.Pipe()
	}
	opened, write, err := pty.Open()
	if err != nil {
		return nil, nil, err
	}
	defer opened.Close()
	_, err = term.MakeRaw(int(write.Fd()))
	if err == nil {
		read, err = pollable(opened)
	}
	if err != nil {
		write.Close()
		return nil, nil, err
	}
	takeSize(read)
	return read, write, nil
}

// pollable returns a file anew such that reading it can be given a deadline, which
// the terminal as it is opened does not take.
func pollable(f *os.File) (*os.File, error) {
	fd, err := unix.FcntlInt(f.Fd(), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	if err := unix.SetNonblock(fd, true); err != nil {
		return nil, errors.Join(err, unix.Close(fd))
	}
	return os.NewFile(uintptr(fd), f.Name()), nil
}

// takeSize gives the program's terminal the size of explog's.
func takeSize(terminal *os.File) {
	size := unix.Winsize{Row: 24, Col: 80}
	if width, height, err := term.GetSize(int(os.Stdout.Fd())); err == nil {
		size = unix.Winsize{Row: uint16(height), Col: uint16(width)}
	}
	conn, err := terminal.SyscallConn()
	if err != nil {
		return
	}
	_ = conn.Control(func(fd uintptr) { _ = unix.IoctlSetWinsize(int(fd), unix.TIOCSWINSZ, &size) }) // a pipe has none
}

// foreground returns the terminal on standard input, if explog is in its foreground;
// else -1.
func foreground() int {
	fd := int(os.Stdin.Fd())
	if foregroundOf(fd) != unix.Getpgrp() {
		return -1
	}
	return fd
}

// signal signals the program and all in its group.
func (c *child) signal(sig syscall.Signal) {
	if sig == syscall.SIGWINCH {
		takeSize(c.output.file)
	}
	_ = syscall.Kill(-c.cmd.Process.Pid, sig) // it may have ended
}

// groupRuns reports whether a process of a group runs. One that has ended and whose
// parent has not asked for its end does not count: init may be slow, or not do it at
// all in a container.
func groupRuns(group int) bool {
	if group <= 0 || syscall.Kill(-group, 0) != nil {
		return false
	}
	stats, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil || len(stats) == 0 {
		return true // not Linux: it has to be assumed
	}
	for _, name := range stats {
		stat, err := os.ReadFile(name)
		if err != nil {
			continue // it has ended
		}
		// After the name in parentheses: state, parent, group (proc_pid_stat(5)).
		fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
		if len(fields) > 2 && fields[2] == strconv.Itoa(group) && fields[0] != "Z" && fields[0] != "X" {
			return true
		}
	}
	return false
}

// wait waits for the program's end. If it is stopped on a terminal (Ctrl-Z), explog
// stops with it.
func (c *child) wait() <-chan syscall.WaitStatus {
	exited := make(chan syscall.WaitStatus, 1)
	go func() {
		var status syscall.WaitStatus
		for {
			_, err := syscall.Wait4(c.cmd.Process.Pid, &status, syscall.WUNTRACED, nil)
			switch {
			case errors.Is(err, syscall.EINTR):
			case err == nil && status.Stopped():
				c.stopped(status.StopSignal())
			default:
				if c.tty >= 0 && foregroundOf(c.tty) == c.cmd.Process.Pid {
					c.toForeground(unix.Getpgrp())
				}
				exited <- status
				return
			}
		}
	}()
	return exited
}

// stopped is called when the program was stopped: from its terminal, or because it
// wants to read from a terminal that talks to explog.
func (c *child) stopped(by syscall.Signal) {
	if c.tty < 0 {
		c.tty = openTerminal()
	}
	if c.tty < 0 {
		return
	}
	wants := by == syscall.SIGTTIN || by == syscall.SIGTTOU
	if !wants || foregroundOf(c.tty) != unix.Getpgrp() {
		c.stopAlong()
	}
	if foregroundOf(c.tty) == unix.Getpgrp() {
		c.toForeground(c.cmd.Process.Pid)
	}
	c.signal(syscall.SIGCONT)
}

// stopAlong gives the shell its terminal back and stops explog, until it is
// continued. Where no shell minds explog, the system does not stop it: then it goes
// on after a moment.
func (c *child) stopAlong() {
	if foregroundOf(c.tty) == c.cmd.Process.Pid {
		c.toForeground(unix.Getpgrp())
	}
	continued := make(chan os.Signal, 1)
	signal.Notify(continued, syscall.SIGCONT)
	defer signal.Stop(continued)
	_ = syscall.Kill(0, syscall.SIGTSTP)
	select {
	case <-continued:
	case <-time.After(time.Second):
	}
}

// openTerminal returns the terminal that explog was started on; -1: there is none.
func openTerminal() int {
	fd, err := unix.Open("/dev/tty", unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC, 0)
	if err != nil {
		return -1
	}
	return fd
}

// foregroundOf returns the process group that a terminal talks to; -1: none.
func foregroundOf(tty int) int {
	group, err := unix.IoctlGetInt(tty, unix.TIOCGPGRP)
	if err != nil {
		return -1
	}
	return group
}

// toForeground makes a process group the one that the terminal talks to. Whoever
// does so from the background is stopped, unless SIGTTOU is ignored.
func (c *child) toForeground(group int) {
	if c.tty < 0 {
		return
	}
	signal.Ignore(syscall.SIGTTOU)
	defer signal.Reset(syscall.SIGTTOU)
	_ = unix.IoctlSetPointerInt(c.tty, unix.TIOCSPGRP, group) // the terminal may be gone
}

func (c *child) close() {
	c.output.file.Close()
	if c.tty > int(os.Stderr.Fd()) {
		_ = unix.Close(c.tty) // it was opened for this
	}
	_ = c.cmd.Process.Release() // it was waited for
}

// childOutput reads what the program prints.
type childOutput struct {
	file     *os.File
	draining atomic.Bool
	left     int  // bytes that are read still, while draining
	cut      bool // draining ended it, and not its end
}

// A pipe holds no more than this unless somebody asked for more.
const mostInPipe = 1 << 20

// drain makes the output end when what is there by now is read.
func (o *childOutput) drain() {
	if !o.draining.Swap(true) {
		_ = o.file.SetReadDeadline(time.Now()) // who reads now stops waiting
	}
}

func (o *childOutput) Read(p []byte) (int, error) {
	if o.draining.Load() {
		return o.readWhatIsThere(p)
	}
	n, err := o.file.Read(p)
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		return o.readWhatIsThere(p)
	case errors.Is(err, syscall.EIO): // how a terminal says that nobody has it open any more
		return n, io.EOF
	}
	return n, err
}

// readWhatIsThere reads without waiting.
func (o *childOutput) readWhatIsThere(p []byte) (n int, err error) {
	if err := o.file.SetReadDeadline(time.Time{}); err != nil {
		return 0, err
	}
	conn, err := o.file.SyscallConn()
	if err != nil {
		return 0, err
	}
	readErr := conn.Read(func(fd uintptr) bool {
		n, err = unix.Read(int(fd), p)
		return true
	})
	switch {
	case readErr != nil:
		return 0, readErr
	case errors.Is(err, unix.EAGAIN), err == nil && n > 0 && o.left <= 0:
		o.cut = true
		return 0, io.EOF
	case errors.Is(err, unix.EIO), err == nil && n == 0:
		return 0, io.EOF
	case err != nil:
		return 0, err
	}
	o.left -= n
	return n, nil
}
