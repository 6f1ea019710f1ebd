package main

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/explog/explog"
)

// saver is the child that saves records one at a time through the Go API. For each
// it prints a line "ID MICROSECONDS STATUS" when the save has returned, and not before.
type saver struct {
	saves      int           // by each goroutine
	goroutines int           // that save at once
	lasting    time.Duration // if set, they end then
	begin      int64         // Unix time in microseconds, so that several processes begin at once
	pool       int           // if set, the ids are those of this many records; else all are new
	seed       uint64        // of the choice among the pool
	out        sync.Mutex
}

func runSaver(store string, args []string) error {
	var s saver
	flags := flag.NewFlagSet("saver", flag.ContinueOnError)
	flags.IntVar(&s.saves, "saves", 1<<30, "")
	flags.IntVar(&s.goroutines, "goroutines", 1, "")
	flags.DurationVar(&s.lasting, "lasting", time.Hour, "")
	flags.Int64Var(&s.begin, "begin", 0, "")
	flags.IntVar(&s.pool, "pool", 0, "")
	flags.Uint64Var(&s.seed, "seed", 0, "")
	if err := flags.Parse(args); err != nil {
		return err
	}
	logger, err := explog.Open(store, explog.Options{})
	if err != nil {
		return err
	}
	time.Sleep(time.Until(time.UnixMicro(s.begin)))
	failed := make([]error, s.goroutines)
	var all sync.WaitGroup
	for i := range failed {
		all.Go(func() { failed[i] = s.work(logger, uint64(i)) })
	}
	all.Wait()
	for _, err := range failed {
		if err != nil {
			return err
		}
	}
	return logger.Close()
}

// work saves and says so.
func (s *saver) work(logger *explog.Logger, goroutine uint64) error {
	random := rand.New(rand.NewPCG(s.seed, goroutine))
	deadline := time.Now().Add(s.lasting)
	for n := 0; n < s.saves && time.Now().Before(deadline); n++ {
		rec := record(0)
		rec.ID = "" // a new one
		if s.pool > 0 {
			rec = record(random.IntN(s.pool))
		}
		started := time.Now()
		res, err := logger.Save(context.Background(), rec)
		if err != nil {
			return err
		}
		took := time.Since(started)
		s.out.Lock()
		_, err = fmt.Fprintf(os.Stdout, "%s %d %s\n", res.ID, took.Microseconds(), res.Status)
		s.out.Unlock()
		if err != nil {
			return err
		}
	}
	return nil
}

// saved is a line of a saver.
type saved struct {
	id     string
	took   time.Duration
	status string
}

// savedIn reads what a saver printed. A line that a kill cut says nothing.
func savedIn(out string) []saved {
	var all []saved
	for line := range strings.Lines(out) {
		var id, status string
		var micros int64
		if n, _ := fmt.Sscanf(line, "%s %d %s\n", &id, &micros, &status); n == 3 && strings.HasSuffix(line, "\n") {
			all = append(all, saved{id, time.Duration(micros) * time.Microsecond, status})
		}
	}
	return all
}
