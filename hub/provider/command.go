package provider

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"
)

// CommandOptions say which program answers, and how it is talked to.
type CommandOptions struct {
	// Args are the program and its arguments. No shell is involved.
	Args []string
	// Dir is where the program runs, and what a relative path to it is relative to;
	// empty: the current directory.
	Dir   string
	Mode  Mode  // empty: ModeLines
	Input Input // empty: InputJSON
	// Timeout is for one answer, the program's start included; 0: a minute.
	Timeout time.Duration
}

// Mode says how often the program is started.
type Mode string

// The modes.
const (
	// ModeLines: once for each call that is made at the same time. It reads a line a
	// narrative and prints a line an answer, and nothing else, until its input ends.
	ModeLines Mode = "lines"
	// ModeOnce: for each narrative. All that it prints is the answer.
	ModeOnce Mode = "once"
)

// Input says what the program reads.
type Input string

// The inputs.
const (
	// InputJSON: an object with id, repeat, prompt, narrative and model, and where
	// they are set message (the user message with the narrative in it), temperature,
	// max_tokens and seed.
	InputJSON Input = "json"
	// InputText: the user message; in ModeLines with its line breaks as spaces.
	InputText Input = "text"
)

// Command answers by a program.
//
// What the program prints is the answer's text, or a JSON object {"id", "text",
// "reasoning", "model", "input_tokens", "output_tokens"} of which all but the text
// may be left out, or {"id", "error"}, or, without a text, the object itself is it.
//
// In ModeLines a program should print the id of each question with its answer. Once it
// has used ids, lines that are not JSON objects or have another id are ignored and
// counted. Without ids, a line too many means that answers may have gone to the wrong
// questions: see [steps].
//
// A program that takes too long, prints too much or gets out of step is killed with
// all that it started, and another is started for the next call. It gets the
// environment of explog, and PYTHONUNBUFFERED=1, and no signals from a terminal. The
// end of what it prints on standard error is repeated in errors, so secrets must not
// be printed there.
type Command struct {
	opts    CommandOptions
	program string // its path
	notes   notes

	mu    sync.Mutex
	idle  []*process
	steps steps
}

// NewCommand checks the options and that the program is there. An error is an
// [*Error].
func NewCommand(o CommandOptions) (*Command, error) {
	o.Mode, o.Input = cmp.Or(o.Mode, ModeLines), cmp.Or(o.Input, InputJSON)
	if o.Timeout <= 0 {
		o.Timeout = defaultTimeout
	}
	switch {
	case len(o.Args) == 0 || o.Args[0] == "":
		return nil, &Error{Kind: Fatal, Message: "no program is given"}
	case o.Mode != ModeLines && o.Mode != ModeOnce:
		return nil, &Error{Kind: Fatal, Message: fmt.Sprintf("the mode is %s or %s, not %q", ModeLines, ModeOnce, o.Mode)}
	case o.Input != InputJSON && o.Input != InputText:
		return nil, &Error{Kind: Fatal, Message: fmt.Sprintf("the input is %s or %s, not %q", InputJSON, InputText, o.Input)}
	}
	path, err := findProgram(o.Dir, o.Args[0])
	if err != nil {
		return nil, notStarted(o.Args[0], err)
	}
	return &Command{opts: o, program: path, steps: steps{running: make(map[*process]bool)}}, nil
}

// findProgram returns the absolute path of a program: as the program runs in
// another folder, no other would do.
func findProgram(dir, name string) (string, error) {
	if strings.ContainsRune(name, filepath.Separator) {
		if !filepath.IsAbs(name) {
			name = filepath.Join(dir, name)
		}
		abs, err := filepath.Abs(name)
		if err != nil {
			return "", err
		}
		name = abs
	}
	path, err := exec.LookPath(name)
	if err != nil {
		return "", err
	}
	return filepath.Abs(path)
}

// notStarted says why there is no program.
func notStarted(name string, err error) *Error {
	var outer *exec.Error
	if errors.As(err, &outer) {
		err = outer.Err
	}
	failed := &Error{Kind: Temporary, Message: fmt.Sprintf("program %s could not be started: %v", name, err)}
	for _, lasting := range []error{exec.ErrNotFound, exec.ErrDot, fs.ErrNotExist, fs.ErrPermission, syscall.ENOEXEC} {
		if errors.Is(err, lasting) {
			failed.Kind = Fatal
		}
	}
	return failed
}

// Identity returns what decides the answer: the program, its arguments, and what it
// reads but for the id and the repeat.
func (c *Command) Identity(r Request) []byte {
	input := newCommandRequest(r)
	input.ID, input.Repeat = "", 0
	if c.opts.Input == InputText {
		input = commandRequest{Narrative: r.user()}
	}
	return identity(struct {
		Provider string         `json:"provider"`
		Args     []string       `json:"args"`
		Mode     Mode           `json:"mode"`
		Input    Input          `json:"input"`
		Reads    commandRequest `json:"reads"`
	}{"command", c.opts.Args, c.opts.Mode, c.opts.Input, input})
}

// Answer asks the program once.
func (c *Command) Answer(ctx context.Context, r Request) (Answer, error) {
	ctx, cancel := withLimit(ctx, c.opts.Timeout)
	defer cancel()
	input, err := c.input(r)
	if err != nil {
		return Answer{}, &Error{Kind: Fatal, Message: "the request cannot be written as JSON: " + err.Error()}
	}
	if c.opts.Mode == ModeLines {
		return c.answerLine(ctx, r, input)
	}
	p, err := startProcess(c.command(), c.opts.Args[0])
	if err != nil {
		return Answer{}, err
	}
	printed, err := p.askOnce(ctx, input)
	if err != nil {
		p.end(err)
		return Answer{}, c.noAnswer(ctx, p, printed, err)
	}
	defer p.kill()
	return c.read(printed, r.NarrativeID)
}

// command returns the program, not started.
func (c *Command) command() *exec.Cmd {
	cmd := exec.Command(c.program, c.opts.Args[1:]...)
	cmd.Args[0], cmd.Dir = c.opts.Args[0], c.opts.Dir
	if os.Getenv("PYTHONUNBUFFERED") == "" {
		cmd.Env = append(cmd.Environ(), "PYTHONUNBUFFERED=1")
	}
	return cmd
}

// noAnswer says why a process that has ended gave no answer.
func (c *Command) noAnswer(ctx context.Context, p *process, printed []byte, err error) *Error {
	if errors.Is(err, errTooLong) {
		return p.error(Unanswerable, fmt.Sprintf("printed more than %d MiB for one narrative", mostPrinted>>20), printed)
	}
	if failed := ended(ctx, c.opts.Timeout, "program "+p.name); failed != nil {
		failed.Message, failed.Raw = failed.Message+p.passedBy()+p.stderr.said(), head(printed)
		return failed
	}
	kind := Temporary
	if code := p.cmd.ProcessState.ExitCode(); code == exitCannotRun || code == exitNotFound {
		kind = Fatal
	}
	return p.error(kind, "ended without an answer ("+p.cmd.ProcessState.String()+")", printed)
}

// The exit codes by which shells and env(1) say that a program is none, or is not
// there.
const (
	exitCannotRun = 126
	exitNotFound  = 127
)

// Close lets the programs end by themselves, as their input has, and kills those
// that do not.
func (c *Command) Close() error {
	waiting := c.takeAll()
	for _, p := range waiting {
		p.hangUp()
	}
	for _, p := range waiting {
		p.waitOrKill()
	}
	return nil
}
