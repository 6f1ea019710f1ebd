package hub

import (
	"context"
	"math"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/explog/explog/hub/provider"
)

// gate says when the next call may begin. It holds the calls to a number at the same
// time, to a number a minute, and to what a server wants.
//
// The number at the same time goes down to half, but not below one, when a server
// says that calls come too fast, and with each answer up by its inverse: by one for
// each round of calls (additive increase, multiplicative decrease, as in TCP: Jacobson,
// "Congestion avoidance and control", SIGCOMM 1988).
type gate struct {
	mu       sync.Mutex
	most     float64 // calls at the same time, as configured
	allowed  float64 // as it is now
	underWay int
	spacing  time.Duration // between the beginnings of calls
	next     time.Time     // no call begins before
	lowered  time.Time     // when allowed last went down
	moved    chan struct{} // closed when a wait may be over before its time
}

func newGate(concurrency, perMinute int) *gate {
	g := &gate{most: float64(concurrency), allowed: float64(concurrency), moved: make(chan struct{})}
	if perMinute > 0 {
		g.spacing = time.Minute / time.Duration(perMinute)
	}
	return g
}

// enter waits until a call may begin, and returns when that is. Each enter without
// an error is followed by a leave.
func (g *gate) enter(ctx context.Context) (begun time.Time, err error) {
	for {
		if err := ctx.Err(); err != nil {
			return time.Time{}, err
		}
		now := time.Now()
		wait, moved := g.try(now)
		if wait <= 0 {
			return now, nil
		}
		timer := time.NewTimer(wait)
		select {
		case <-timer.C:
		case <-moved:
		case <-ctx.Done():
		}
		timer.Stop()
	}
}

// try begins a call, or returns how long to wait for it.
func (g *gate) try(now time.Time) (wait time.Duration, moved <-chan struct{}) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.underWay >= int(g.allowed) {
		return math.MaxInt64, g.moved
	}
	if wait = g.next.Sub(now); wait > 0 {
		return wait, g.moved
	}
	g.underWay++
	g.next = now.Add(g.spacing)
	return 0, nil
}

// leave ends a call. An answer has no error.
func (g *gate) leave(begun time.Time, p provider.Pace, failed *provider.Error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	now := time.Now()
	g.underWay--
	switch {
	case failed == nil:
		g.allowed = min(g.most, g.allowed+1/g.allowed)
	case failed.Kind == provider.Throttled && !begun.Before(g.lowered): // once for all that were under way together
		g.allowed, g.lowered = max(1, g.allowed/2), now
	}
	pause := time.Duration(0)
	if failed != nil {
		pause = failed.RetryAfter
	}
	for _, w := range []provider.Window{p.Requests, p.Tokens} {
		if w.Known && w.Remaining == 0 {
			pause = max(pause, w.Reset)
		}
	}
	if until := now.Add(pause); pause > 0 && until.After(g.next) {
		g.next = until
	}
	close(g.moved)
	g.moved = make(chan struct{})
}

// until returns when the next call may begin, as far as it is known.
func (g *gate) until() time.Time {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.next
}

const (
	firstDelay = time.Second // at most, before the second try
	mostDelay  = time.Minute
)

// delay is how long to wait after the n-th try (from 0) that failed: what the server
// wants in full, and a random time more, so that not all come back at once.
func delay(n int, failed *provider.Error) time.Duration {
	return min(failed.RetryAfter, math.MaxInt64-mostDelay) + rand.N(min(mostDelay, firstDelay<<min(n, 10)))
}

// sleep waits, or returns false where the context ends before.
func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
