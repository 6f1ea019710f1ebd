package provider

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

const (
	mostPrinted   = 4 << 20         // bytes that a program may print for one narrative
	mostStderr    = 2 << 10         // bytes of its standard error that are kept, the last
	graceOfOutput = time.Second     // for output that something else holds open after its end
	graceOfRest   = 5 * time.Second // for what it prints after its last answer
	mostRest      = 100             // lines of that
	graceOfEnd    = 2 * time.Second // for its end after that of its input or output
)

// process is a program that runs. It has a process group of its own, so that a
// signal reaches all that it started, and Ctrl-C does not end it before explog has
// its answer.
type process struct {
	name   string
	cmd    *exec.Cmd
	in     *os.File
	out    *os.File
	lines  *bufio.Reader // of out
	stderr *tail
	spent  bool // it has answered, and cannot be asked again

	// In ModeLines, guarded by the mutex of the Command:
	unproven []Asked // questions whose answers had no id
	batch    int     // how many of these there may be; 0: any number
	ignored  int     // lines
	last     []byte  // of them

	slowest time.Duration // answer
	ended   chan struct{} // closed once it was waited for
}

// startProcess starts a program; an error is an [*Error].
func startProcess(cmd *exec.Cmd, name string) (*process, error) {
	theirIn, in, err := os.Pipe()
	if err != nil {
		return nil, notStarted(name, err)
	}
	defer theirIn.Close()
	out, theirOut, err := os.Pipe()
	if err != nil {
		in.Close()
		return nil, notStarted(name, err)
	}
	defer theirOut.Close()
	p := &process{name: name, cmd: cmd, in: in, out: out, lines: bufio.NewReaderSize(out, 64<<10), stderr: &tail{}, ended: make(chan struct{})}
	cmd.Stdin, cmd.Stdout, cmd.Stderr = theirIn, theirOut, p.stderr
	cmd.SysProcAttr, cmd.WaitDelay = &syscall.SysProcAttr{Setpgid: true}, graceOfOutput
	if err := cmd.Start(); err != nil {
		in.Close()
		out.Close()
		return nil, notStarted(name, err)
	}
	go p.wait()
	return p, nil
}

// wait waits for the program's end and ends what it leaves behind.
func (p *process) wait() {
	_ = p.cmd.Wait() // cmd.ProcessState says how it ended
	p.killGroup()    // while there is such a group, no other process gets its number
	close(p.ended)
	_ = p.out.SetReadDeadline(time.Now().Add(graceOfOutput)) // it may be closed
}

// askLine writes a line and returns the one that comes back. Where none does, it
// returns what came of it.
func (p *process) askLine(ctx context.Context, line []byte) ([]byte, error) {
	return p.ask(ctx, p.readLine, func() error {
		_, err := p.in.Write(line)
		return err
	})
}

// nextLine returns the next line, without asking.
func (p *process) nextLine(ctx context.Context) ([]byte, error) {
	return p.ask(ctx, p.readLine, func() error { return nil })
}

// askOnce writes all of the program's input and returns all of its output, if it
// ended well. It can be asked nothing else.
func (p *process) askOnce(ctx context.Context, input []byte) ([]byte, error) {
	printed, err := p.ask(ctx, p.readAll, func() error {
		_, _ = p.in.Write(input) // it need not read all
		return p.in.Close()
	})
	if err != nil {
		return printed, err
	}
	p.spent = true
	select {
	case <-p.ended:
	case <-ctx.Done():
		return printed, ctx.Err()
	}
	if p.cmd.ProcessState.ExitCode() != 0 || len(bytes.TrimSpace(printed)) == 0 {
		return printed, io.EOF
	}
	return printed, nil
}

// ask writes and reads at the same time, as a program may begin to answer before it
// has read all, until both are done or the context ends.
func (p *process) ask(ctx context.Context, read func() ([]byte, error), write func() error) ([]byte, error) {
	stop := context.AfterFunc(ctx, p.interrupt)
	written := make(chan error, 1)
	go func() { written <- write() }()
	printed, err := read()
	if err != nil {
		p.interrupt() // nobody may read what is still being written
	}
	unread := <-written
	p.spent = !stop() || unread != nil
	return printed, err
}

// interrupt ends reading and writing.
func (p *process) interrupt() {
	_ = p.in.SetWriteDeadline(time.Unix(1, 0)) // either may be closed
	_ = p.out.SetReadDeadline(time.Unix(1, 0))
}

var errTooLong = errors.New("too much is printed")

// readLine reads to the end of a line.
func (p *process) readLine() ([]byte, error) {
	var line []byte
	for {
		part, err := p.lines.ReadSlice('\n')
		line = append(line, part...)
		switch {
		case len(line) > mostPrinted:
			return line, errTooLong
		case !errors.Is(err, bufio.ErrBufferFull):
			return line, err
		}
	}
}

// readAll reads until the program has closed its output, or has ended and something
// else that it started holds it open.
func (p *process) readAll() ([]byte, error) {
	all, err := io.ReadAll(io.LimitReader(p.lines, mostPrinted+1))
	if len(all) > mostPrinted {
		return all, errTooLong
	}
	if errors.Is(err, os.ErrDeadlineExceeded) && p.hasEnded() {
		return all, nil
	}
	return all, err
}

func (p *process) hasEnded() bool {
	select {
	case <-p.ended:
		return true
	default:
		return false
	}
}

// sinceAnswer reports whether a process that waits has printed something since its
// answer, and whether it has ended.
func (p *process) sinceAnswer() (printed, ended bool) {
	if p.lines.Buffered() > 0 {
		return true, false
	}
	conn, err := p.out.SyscallConn()
	if err != nil {
		return false, true
	}
	var events int16
	err = conn.Control(func(fd uintptr) {
		polled := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}
		if _, pollErr := unix.Poll(polled, 0); pollErr == nil {
			events = polled[0].Revents
		}
	})
	return events&unix.POLLIN != 0, err != nil || events&(unix.POLLHUP|unix.POLLERR) != 0
}

// rest ends the program's input and returns the lines that it prints until it ends, for
// as long as another answer may take.
func (p *process) rest() [][]byte {
	p.hangUp()
	_ = p.out.SetReadDeadline(time.Now().Add(graceOfRest + 2*p.slowest))
	var lines [][]byte
	for {
		line, err := p.readLine()
		if len(line) > 0 {
			lines = append(lines, line)
		}
		if err != nil || len(lines) == mostRest {
			return lines
		}
	}
}

// passedBy says which lines were ignored, as the end of a message.
func (p *process) passedBy() string {
	if p.ignored == 0 {
		return ""
	}
	return fmt.Sprintf("; %s ignored, the last %q",
		many(p.ignored, "a line without the id of the question was", "%d lines without the id of the question were"), excerpt(string(p.last)))
}

// hangUp ends the program's input.
func (p *process) hangUp() { p.in.Close() }

// end ends a program that gave no answer. One that has closed its output is given
// the time to end with its own exit code.
func (p *process) end(cause error) {
	if errors.Is(cause, io.EOF) {
		p.hangUp()
		p.waitOrKill()
		return
	}
	p.kill()
}

// waitOrKill waits for the program's end, but not for long.
func (p *process) waitOrKill() {
	select {
	case <-p.ended:
	case <-time.After(graceOfEnd):
	}
	p.kill()
}

// kill ends the program with all that it started, and waits for that.
func (p *process) kill() {
	if !p.hasEnded() {
		p.killGroup()
	}
	<-p.ended
	p.in.Close()
	p.out.Close()
}

func (p *process) killGroup() {
	_ = syscall.Kill(-p.cmd.Process.Pid, syscall.SIGKILL) // there may be nothing left of it
}

// error says what the program did, and what it said on standard error.
func (p *process) error(kind Kind, what string, printed []byte) *Error {
	return &Error{Kind: kind, Message: "program " + p.name + " " + what + p.stderr.said(), Raw: head(printed)}
}

// tail keeps the last of what is written to it.
type tail struct {
	mu   sync.Mutex
	data []byte
}

func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.data = append(t.data, p...)
	if len(t.data) > mostStderr {
		t.data = append(t.data[:0], t.data[len(t.data)-mostStderr:]...)
	}
	return len(p), nil
}

// said returns the end of a message.
func (t *tail) said() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	text := bytes.TrimSpace(t.data)
	if len(text) == 0 {
		return ""
	}
	return "; it said: " + excerpt(string(text[max(0, len(text)-mostMessage):]))
}
