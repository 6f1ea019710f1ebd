package provider

import (
	"bytes"
	"context"
	"fmt"
	"sync"
	"time"
)

// steps keeps the answers of a program in ModeLines with their questions.
//
// A program that prints ids is always in step. Without ids, the n-th line is the answer
// to the n-th question as long as the program prints nothing else. If it does, all lines
// after that go to the wrong questions, and each of them looks like an answer. That
// comes out when a line arrives while no question is open, at the latest after the
// input of the process has ended. So an answer without an id is provisional until its
// process has ended with as many lines as questions; if it ends with more, all its
// answers without an id are withdrawn.
//
// The program is then started again. The first new process gets one question: if it
// prints more than one line for that, no answer can be known. After that each process
// gets half as many questions as the one that got out of step, so that a program that
// seldom prints a line too many comes to an end.
type steps struct {
	running   map[*process]bool // that have been asked and not been checked
	ids       bool              // the program has used ids
	batch     int               // questions for a process; 0: any number
	next      int               // the batch after the process with one question; 0: there was none yet
	withdrawn []Asked
	ignored   int    // lines, by processes that have ended
	last      []byte // of them
}

// answerLine asks a process that answers line by line.
func (c *Command) answerLine(ctx context.Context, r Request, input []byte) (Answer, error) {
	p, err := c.take(ctx)
	if err != nil {
		return Answer{}, err
	}
	asked := time.Now()
	line, err := p.askLine(ctx, input)
	for err == nil {
		answers, failed := c.accept(p, line, r)
		if failed != nil {
			c.drop(p)
			return Answer{}, failed
		}
		if answers {
			break
		}
		line, err = p.nextLine(ctx)
	}
	if err != nil {
		p.end(err)
		failed := c.noAnswer(ctx, p, line, err)
		c.drop(p)
		return Answer{}, failed
	}
	p.slowest = max(p.slowest, time.Since(asked))
	a, err := c.read(line, r.NarrativeID)
	_, proven := idOf(line)
	a.Provisional = err == nil && !proven
	return c.release(p, a, err)
}

// accept reports whether a line is the answer to a question.
func (c *Command) accept(p *process, line []byte, r Request) (bool, *Error) {
	id, has := idOf(line)
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case has && id == r.NarrativeID:
		c.useIDs()
		return true, nil
	case has && p.isUnproven(id): // its answer was taken for another's
		c.useIDs()
	case has && !c.steps.ids:
		return false, &Error{Kind: Temporary, Raw: head(line), Message: fmt.Sprintf(
			"program %s answered %q when it was asked %q: it is out of step", p.name, excerpt(id), r.NarrativeID)}
	case !has && !c.steps.ids:
		p.unproven = append(p.unproven, Asked{r.NarrativeID, r.Repeat})
		return true, nil
	}
	p.ignored++
	p.last = bytes.TrimSpace(line)
	return false, nil
}

func (p *process) isUnproven(id string) bool {
	for _, a := range p.unproven {
		if a.NarrativeID == id {
			return true
		}
	}
	return false
}

// useIDs notes that the program prints ids. What came without one was no answer. The
// caller holds the lock.
func (c *Command) useIDs() {
	c.steps.ids = true
	for p := range c.steps.running {
		c.steps.withdrawn = append(c.steps.withdrawn, p.unproven...)
		p.unproven = nil
	}
}

// take returns a process that waits for input.
func (c *Command) take(ctx context.Context) (*process, error) {
	for {
		p := c.takeIdle()
		if p == nil {
			return c.start()
		}
		printed, over := p.sinceAnswer()
		switch {
		case printed && !c.usesIDs():
			if line, err := p.nextLine(ctx); len(line) > 0 && !c.surplus(p, [][]byte{line}) && err == nil && !p.spent {
				return p, nil
			}
		case !over:
			return p, nil
		}
		c.drop(p)
		if failed := ended(ctx, c.opts.Timeout, "program "+p.name); failed != nil {
			return nil, failed
		}
	}
}

// start starts a process.
func (c *Command) start() (*process, error) {
	p, err := startProcess(c.command(), c.opts.Args[0])
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	p.batch = c.steps.batch
	c.steps.running[p] = true
	return p, nil
}

// takeIdle returns a process that has answered; nil: there is none.
func (c *Command) takeIdle() *process {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := len(c.idle)
	if n == 0 {
		return nil
	}
	p := c.idle[n-1]
	c.idle = c.idle[:n-1]
	return p
}

// takeAll returns all processes that have answered.
func (c *Command) takeAll() []*process {
	c.mu.Lock()
	defer c.mu.Unlock()
	all := c.idle
	c.idle = nil
	return all
}

func (c *Command) usesIDs() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.steps.ids
}

// release keeps a process that has answered for the next question, unless it is to be
// checked first.
func (c *Command) release(p *process, a Answer, err error) (Answer, error) {
	c.mu.Lock()
	full := p.batch > 0 && len(p.unproven) >= p.batch && !c.steps.ids
	keep := err == nil && !p.spent && !full
	if keep {
		c.idle = append(c.idle, p) // from now on it is another call's
	}
	c.mu.Unlock()
	switch {
	case keep:
	case full && p.batch == 1:
		return c.checkOne(p, a, err)
	case full || !p.spent: // also after an answer that is an error: the ones before it are in doubt too
		c.check(p)
	default:
		c.drop(p)
	}
	return a, err
}

// checkOne checks a process that was asked one question. If it has printed more than one
// line, which of them is the answer is unknown, and will be for each other question.
func (c *Command) checkOne(p *process, a Answer, err error) (Answer, error) {
	more := p.rest()
	if len(more) == 0 || !c.surplusAfter(p, more) {
		c.mu.Lock()
		if c.steps.next > 0 {
			c.steps.batch, c.steps.next = c.steps.next, 0
		}
		c.mu.Unlock()
		c.drop(p)
		a.Provisional = a.Provisional && len(more) > 0 // then it is withdrawn, as the program has used ids
		return a, err
	}
	c.drop(p)
	return Answer{}, &Error{Kind: Fatal, Raw: head(append(append(a.Raw, '\n'), more[0]...)), Message: fmt.Sprintf(
		"program %s prints more than one line for one narrative (%q, then %q), and which is the answer cannot be known: %s",
		p.name, excerpt(string(a.Raw)), excerpt(string(more[0])), mendIDs)}
}

const mendIDs = `have it print the id of each question with its answer, as in {"id": "n1", "detected": true}, and nothing else on standard output`

// surplusAfter reports whether lines after the answer put it in doubt: not those of a
// program that has used ids.
func (c *Command) surplusAfter(p *process, lines [][]byte) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, line := range lines {
		if id, has := idOf(line); has && p.isUnproven(id) {
			c.useIDs()
			return false
		}
	}
	return !c.steps.ids
}

// check ends a process and withdraws its answers if it has printed more lines than it
// was asked questions.
func (c *Command) check(p *process) {
	if lines := p.rest(); len(lines) > 0 {
		c.surplus(p, lines)
	}
	c.drop(p)
}

// surplus reports whether lines that answer no question put a process out of step, and
// withdraws its answers then.
func (c *Command) surplus(p *process, lines [][]byte) bool {
	if !c.surplusAfter(p, lines) {
		c.mu.Lock()
		defer c.mu.Unlock()
		p.ignored += len(lines)
		p.last = bytes.TrimSpace(lines[len(lines)-1])
		return false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	n := len(p.unproven)
	c.steps.withdrawn = append(c.steps.withdrawn, p.unproven...)
	p.unproven = nil
	c.notes.add(fmt.Sprint("step", p.batch), fmt.Sprintf(
		"program %s printed a line that answers no question (%q): %s withdrawn, it is started again, and the questions are asked again; %s",
		p.name, excerpt(string(lines[0])), many(n, "its last answer is", "its last %d answers are"), mendIDs))
	half := max(1, n/2)
	if p.batch == 0 && c.steps.batch == 0 {
		c.steps.batch, c.steps.next = 1, half
	} else if c.steps.next == 0 {
		c.steps.batch = min(c.steps.batch, half)
	}
	return true
}

// drop ends a process for good.
func (c *Command) drop(p *process) {
	p.kill()
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.steps.running, p)
	c.steps.ignored += p.ignored
	if p.ignored > 0 {
		c.steps.last = p.last
	}
	p.ignored = 0
}

// Settle ends all processes and checks what they printed; no call may be under way. What
// it finds is in the News.
func (c *Command) Settle() {
	var all sync.WaitGroup
	for _, p := range c.takeAll() {
		all.Go(func() { c.check(p) })
	}
	all.Wait()
	c.mu.Lock()
	defer c.mu.Unlock()
	if n := c.steps.ignored; n > 0 {
		c.notes.add("ignored", fmt.Sprintf("program %s: %s ignored, the last %q",
			c.opts.Args[0], many(n, "a line without the id of a question was", "%d lines without the id of a question were"), excerpt(string(c.steps.last))))
	}
}

// News returns warnings, and answers that are withdrawn.
func (c *Command) News() News {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := News{Withdrawn: c.steps.withdrawn, Notes: c.notes.take()}
	c.steps.withdrawn = nil
	return n
}

// many is a text for one, or for n.
func many(n int, one, more string) string {
	if n == 1 {
		return one
	}
	return fmt.Sprintf(more, n)
}
