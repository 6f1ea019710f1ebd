package main

import (
	"fmt"
	"sync"
	"time"

	"github.com/explog/explog/hub"
)

// hubVoice shows how far an experiment is. It speaks by itself now and then, also
// while nothing happens: a server may want to be left alone for minutes.
type hubVoice struct {
	name   string
	line   *progress
	ended  chan struct{}
	silent sync.WaitGroup

	mu  sync.Mutex // of line, too
	far *hub.Progress
}

func newHubVoice(c *console, name string) *hubVoice {
	v := &hubVoice{name: name, line: newProgress(c), ended: make(chan struct{})}
	v.silent.Go(func() {
		ticks := time.NewTicker(everyOnTerminal)
		defer ticks.Stop()
		for {
			select {
			case <-v.ended:
				return
			case <-ticks.C:
				v.speak()
			}
		}
	})
	return v
}

// hear takes the latest progress.
func (v *hubVoice) hear(p hub.Progress) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.far = &p
}

func (v *hubVoice) speak() {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.far != nil {
		v.line.show(func(elapsed time.Duration) string { return hubProgressText(v.name, *v.far, elapsed, time.Now()) })
	}
}

// clear takes the line off the terminal, before something else is said.
func (v *hubVoice) clear() {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.line.clear()
}

// end says no more.
func (v *hubVoice) end() {
	close(v.ended)
	v.silent.Wait()
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
