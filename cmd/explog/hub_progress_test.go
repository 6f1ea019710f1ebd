package main

import (
	"strings"
	"testing"
	"time"

	"github.com/creack/pty"

	"github.com/explog/explog/hub"
)

func TestHowFarAnExperimentIs(t *testing.T) {
	now := time.Now()
	for want, p := range map[string]hub.Progress{
		"E  0 of 10  0.0/s":                                     {Total: 10},
		"E  5 of 10  2.0/s  2s left  1 error  $0.0123":          {Total: 10, Done: 5, Asked: 4, Errors: 1, Cost: new(0.01234)},
		"E  9 of 10  0.5/s  2s left  next call in 1m30s":        {Total: 10, Done: 9, Asked: 1, Until: now.Add(90 * time.Second)},
		"E  10 of 10  5.0/s  $12.35":                            {Total: 10, Done: 10, Asked: 10, Cost: new(12.345001), Until: now.Add(-time.Second)},
		"E  3 of 10  1.5/s  5s left  2 errors  next call in 2s": {Total: 10, Done: 3, Asked: 3, Errors: 2, Until: now.Add(2 * time.Second)},
	} {
		if got := hubProgressText("E", p, 2*time.Second, now); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

// On a terminal the line renews itself, and is gone when the summary comes.
func TestAHubRunOnATerminal(t *testing.T) {
	dir := hubFolder(t, 40, slowCommand)
	screen, tty, err := pty.Open()
	if err != nil {
		t.Skipf("no terminal can be had: %v", err)
	}
	defer screen.Close()
	var out strings.Builder
	cmd := hubRunning(t, dir)
	cmd.Stdout, cmd.Stderr = &out, tty
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	tty.Close()
	var shown strings.Builder
	for buf := make([]byte, 1<<10); ; {
		n, err := screen.Read(buf)
		shown.Write(buf[:n])
		if err != nil {
			break // it has ended
		}
	}
	if code := within(t, 10*time.Second, cmd); code != 0 {
		t.Fatalf("exit code %d: %s", code, shown.String())
	}
	if s := shown.String(); !strings.Contains(s, "\rE  ") || !strings.Contains(s, " of 40  ") || strings.Count(s, "\n") > 1 || !strings.Contains(s, "\r\x1b[K") {
		t.Errorf("%q", s)
	}
	if !strings.HasPrefix(out.String(), "E (experiment 1): 40 results: 40 ok; F1 ") {
		t.Errorf("%q", out.String())
	}
}
