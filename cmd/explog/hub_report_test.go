package main

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/creack/pty"

	"github.com/explog/explog/event"
	"github.com/explog/explog/hub/report"
	"github.com/explog/explog/query"
)

// onTerminal returns what is printed on a terminal of 80 columns.
func onTerminal(t *testing.T, print func(c *console) error) string {
	t.Helper()
	screen, tty, err := pty.Open()
	if err != nil {
		t.Skipf("no terminal can be had: %v", err)
	}
	defer screen.Close()
	if err := pty.Setsize(tty, &pty.Winsize{Rows: 24, Cols: 80}); err != nil {
		t.Fatal(err)
	}
	failed := make(chan error, 1)
	go func(tty *os.File) {
		failed <- print(&console{out: tty, err: tty})
		tty.Close()
	}(tty)
	var shown strings.Builder
	for buf := make([]byte, 1<<10); ; {
		n, err := screen.Read(buf)
		shown.Write(buf[:n])
		if err != nil {
			break // it was closed
		}
	}
	if err := <-failed; err != nil {
		t.Fatal(err)
	}
	return shown.String()
}

// Large counts and long names, in wide characters too, do not break a line, and what
// a model says moves no cursor.
func TestHubTablesFitATerminal(t *testing.T) {
	t.Setenv("NO_COLOR", "1")
	long := strings.Repeat("a long \x1b[31m名前 ", 20)
	var list []report.Summary
	for i := range int64(3) {
		list = append(list, report.Summarize(query.HubExperiment{
			ID: 123456 + i, Name: long, Status: "finished", Started: time.Now(), Repeats: 1, Total: 100000, Labelled: 99999, TP: 11111, FN: 22222, FP: 33333, TN: 21111,
			Outcomes: map[event.ResultOutcome]int{event.ResultOK: 100000},
		}))
	}
	for name, print := range map[string]func(*console) error{
		"list":      func(c *console) error { return listExperiments(c, list, false) },
		"summarize": func(c *console) error { return summaryTable(c.out, list) },
	} {
		rows := 0
		for line := range strings.Lines(onTerminal(t, print)) {
			line = strings.TrimRight(line, "\r\n")
			if cells(line) > 80 || strings.ContainsRune(line, '\x1b') {
				t.Errorf("%s: %d cells: %q", name, cells(line), line)
			}
			if strings.Contains(line, "12345") {
				rows++
			}
		}
		if rows != 3 {
			t.Errorf("%s: %d rows", name, rows)
		}
	}
}
