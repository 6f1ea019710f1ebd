package main

import (
	"context"
	"sync"
	"time"

	"github.com/explog/explog"
)

// everyCatchUp is how often a run brings the view up to the log.
const everyCatchUp = 2 * time.Second

// followLog keeps the view of benchmarks close behind the log until stop is called, so that
// those who read it meanwhile find it so, and nothing is left to do when a run ends. What
// fails here is tried again, and told, by the next who reads.
func followLog(ctx context.Context, l *explog.Logger) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	var following sync.WaitGroup
	following.Go(func() {
		ticks := time.NewTicker(everyCatchUp)
		defer ticks.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-ticks.C:
				_ = l.CatchUpHub(ctx)
			}
		}
	})
	return func() {
		cancel()
		following.Wait()
	}
}
