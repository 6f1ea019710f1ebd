package main

import (
	"fmt"
	"sync"
	"time"

	"github.com/explog/explog/hub"
)

// hubVoice shows how far an experiment is, and what is done while none of its calls is
// made. It speaks by itself now and then, also while nothing happens: a server may want
// to be left alone for minutes.
type hubVoice struct {
	name   string // of the experiment; empty: it is of all
	line   *progress
	end    func() // says no more
	silent sync.WaitGroup

	mu    sync.Mutex // of line, too
	far   *hub.Progress
	phase string // what is done; empty: calls are made
	since time.Time
	told  bool // the phase was shown
	// counted: a line with how far the calls are was shown.
	counted bool
}

// A phase is shown after phaseQuiet and then every phaseEvery. Shorter phases are shown
// only if nothing was shown for phaseEvery.
const (
	phaseQuiet = 2 * time.Second
	phaseEvery = 4 * time.Second
)

func newHubVoice(c *console, name string) *hubVoice {
	ended := make(chan struct{})
	v := &hubVoice{name: name, line: newProgress(c)}
	v.end = sync.OnceFunc(func() {
		close(ended)
		v.silent.Wait()
		v.line.clear()
	})
	v.silent.Go(func() {
		ticks := time.NewTicker(everyOnTerminal)
		defer ticks.Stop()
		for {
			select {
			case <-ended:
				return
			case now := <-ticks.C:
				v.speak(now)
			}
		}
	})
	return v
}

// start is when the run begins of which the rate is shown.
func (v *hubVoice) start() {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.line.started = v.line.now()
}

// hear takes the latest progress.
func (v *hubVoice) hear(p hub.Progress) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.far, v.phase = &p, ""
	if p.Done < p.Total {
		return
	}
	if v.counted { // the last line says that all is done
		v.line.shown = time.Time{}
		v.showFar(v.line.now())
	}
	v.begin("all is answered: saving the end of the run")
}

// do begins a phase.
func (v *hubVoice) do(format string, args ...any) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.begin(fmt.Sprintf(format, args...))
}

// begin is do for a caller that holds the lock.
func (v *hubVoice) begin(phase string) { v.phase, v.since, v.told = phase, v.line.now(), false }

func (v *hubVoice) speak(now time.Time) {
	v.mu.Lock()
	defer v.mu.Unlock()
	switch waited := now.Sub(v.since); {
	case v.phase != "" && waited < phaseQuiet && now.Sub(v.line.shown) < phaseEvery:
	case v.phase != "":
		if !v.told && waited >= phaseQuiet {
			v.told, v.line.shown = true, time.Time{}
		}
		v.line.showEvery(phaseEvery, func(time.Duration) string { return phaseText(v.name, v.phase, waited) })
	case v.far != nil:
		v.showFar(now)
	}
}

// showFar shows how far the calls are, if it is time.
func (v *hubVoice) showFar(now time.Time) {
	v.line.show(func(elapsed time.Duration) string {
		v.counted = true
		return hubProgressText(v.name, *v.far, elapsed, now)
	})
}

// phaseText is a phase in one line.
func phaseText(name, phase string, waited time.Duration) string {
	if name != "" {
		name += "  "
	}
	return printable(fmt.Sprintf("%s%s (%v)", name, phase, waited.Round(time.Second)))
}

// clear takes the line off the terminal, before something else is said.
func (v *hubVoice) clear() {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.line.clear()
}

func hubProgressText(name string, p hub.Progress, elapsed time.Duration, now time.Time) string {
	rate := float64(p.Asked) / elapsed.Seconds()
	text := fmt.Sprintf("%s  %d of %d  %.1f/s", printable(name), p.Done, p.Total, rate)
	if p.Asked > 0 && p.Done < p.Total {
		left := time.Duration(float64(p.Total-p.Done) / rate * float64(time.Second))
		text += fmt.Sprintf("  %v left", left.Round(time.Second))
	}
	if p.Errors > 0 {
		text += "  " + plural(int64(p.Errors), "error")
	}
	if p.Cost != nil {
		text += "  " + dollars(*p.Cost)
	}
	if wait := p.Until.Sub(now); wait > time.Second {
		text += fmt.Sprintf("  next call in %v", wait.Round(time.Second))
	}
	return text
}
