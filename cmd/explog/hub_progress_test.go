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
		"E  5 of 10  2.0/s  3s left  1 error  $0.0123":          {Total: 10, Done: 5, Asked: 4, Errors: 1, Cost: new(0.01234)},
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

// While something is done, nobody waits five seconds for a word.
func TestPhasesAreNotSilent(t *testing.T) {
	var said strings.Builder
	v := &hubVoice{name: "E", line: newProgress(&console{err: &said})}
	clock := time.Now()
	v.line.now = func() time.Time { return clock }
	lines := func() int { return strings.Count(said.String(), "\n") }
	silence := time.Duration(0)
	pass := func(d time.Duration) {
		for ; d > 0; d -= everyOnTerminal {
			before := lines()
			clock = clock.Add(everyOnTerminal)
			if v.speak(clock); lines() > before {
				silence = 0
			} else if silence += everyOnTerminal; silence >= 5*time.Second {
				t.Fatalf("silent for %v after\n%s", silence, said.String())
			}
		}
	}
	v.start()
	v.hear(hub.Progress{Total: 10, Done: 1, Asked: 1})
	clock = clock.Add(everyElsewhere)
	v.speak(clock)
	v.hear(hub.Progress{Total: 10, Done: 10, Asked: 10})
	if want := "E  10 of 10  1.0/s\n"; !strings.HasSuffix(said.String(), want) {
		t.Errorf("said\n%swhich does not end with %s", said.String(), want)
	}
	pass(time.Minute)
	v.do("all is saved: computing the results")
	pass(time.Minute)
	for _, want := range []string{"E  all is answered: saving the end of the run (2s)\n", "E  all is saved: computing the results (58s)\n"} {
		if !strings.Contains(said.String(), want) {
			t.Errorf("said\n%swithout %s", said.String(), want)
		}
	}
}

// What is done in a moment is not shown, unless much of it follows.
func TestShortPhases(t *testing.T) {
	var said strings.Builder
	v := &hubVoice{line: newProgress(&console{err: &said})}
	clock := time.Now()
	v.line.now = func() time.Time { return clock }
	for i, want := range []string{"", "", "checking 2 (1s)\n", "checking 2 (1s)\n", "checking 2 (1s)\n", "checking 2 (1s)\nchecking 5 (1s)\n"} {
		v.do("checking %d", i)
		clock = clock.Add(phaseQuiet * 7 / 10)
		if v.speak(clock); said.String() != want {
			t.Errorf("after %d: said %q, want %q", i, said.String(), want)
		}
	}
}
