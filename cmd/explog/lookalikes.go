package main

import (
	"fmt"
	"strings"
	"sync"
)

// lookalikes counts the lines that look like records and are not, and has the first.
type lookalikes struct {
	terminal bool // escape sequences were ignored

	mu    sync.Mutex
	count int64
	line  int64
	text  string
}

func (l *lookalikes) add(line int64, text string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.count++; l.count == 1 {
		l.line, l.text = line, strings.TrimSpace(text)
	}
}

// tell says how many there were, if any.
func (l *lookalikes) tell(c *console) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.count == 0 {
		return
	}
	what := fmt.Sprintf("line %d looks like a record but is not one", l.line)
	if l.count > 1 {
		what = fmt.Sprintf("%d lines look like records but are not; the first is line %d", l.count, l.line)
	}
	c.note("%s: %s (%s)", what, printable(l.text), notARecord(l.text, l.terminal))
}

// notARecord says what a record has to be that the line is not.
func notARecord(text string, terminal bool) string {
	const advice = "print one JSON object on a line of its own"
	compact := strings.ReplaceAll(text, " ", "")
	switch {
	case strings.Contains(text, "\x1b") && !terminal:
		return "it contains escape sequences: turn colours off, or use --pty, which ignores them"
	case strings.Contains(text, "'problem'") || strings.Contains(text, "'score'"):
		return "it is not JSON but a Python dict: print json.dumps(record)"
	case strings.HasPrefix(compact, "[{"):
		return "it is a list: print each record on a line of its own"
	case strings.HasPrefix(text, `"`):
		return "the object is on several lines: " + advice
	case strings.Index(text, "{") > 0:
		return "there is text before the object: " + advice
	}
	return advice + ", with problem, solution and score"
}
