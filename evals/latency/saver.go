package latency

import (
	"bufio"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/explog/explog"
)

// saver is the child that saves records one at a time through the Go API. For each
// it prints a line "ID MICROSECONDS STATUS" when the save has returned, and not before;
// or all lines at the end, where what printing takes would be measured too, with one
// more for all saves together, "all MICROSECONDS".
type saver struct {
	record     func(n int) explog.Record
	saves      int           // by each goroutine
	goroutines int           // that save at once
	lasting    time.Duration // if set, they end then
	begin      int64         // Unix time in microseconds, so that several processes begin at once
	pool       int           // if set, the ids are those of this many records; else all are new
	seed       uint64        // of the choice among the pool
	atEnd      bool
	mu         sync.Mutex
	saved      []Saved // for the end
}

// RunSaver saves records in a store, as args say. Where no -pool is given, each is
// record(0) under a new id.
func RunSaver(ctx context.Context, store string, args []string, record func(n int) explog.Record) error {
	s := saver{record: record}
	flags := flag.NewFlagSet("saver", flag.ContinueOnError)
	flags.IntVar(&s.saves, "saves", 1<<30, "")
	flags.IntVar(&s.goroutines, "goroutines", 1, "")
	flags.DurationVar(&s.lasting, "lasting", time.Hour, "")
	flags.Int64Var(&s.begin, "begin", 0, "")
	flags.IntVar(&s.pool, "pool", 0, "")
	flags.Uint64Var(&s.seed, "seed", 0, "")
	flags.BoolVar(&s.atEnd, "at-end", false, "")
	if err := flags.Parse(args); err != nil {
		return err
	}
	logger, err := explog.Open(store, explog.Options{})
	if err != nil {
		return err
	}
	time.Sleep(time.Until(time.UnixMicro(s.begin)))
	begun := time.Now()
	failed := make([]error, s.goroutines)
	var all sync.WaitGroup
	for i := range failed {
		all.Go(func() { failed[i] = s.work(ctx, logger, uint64(i)) })
	}
	all.Wait()
	took := time.Since(begun)
	return errors.Join(append(failed, logger.Close(), s.sayAll(took))...)
}

// work saves and says so.
func (s *saver) work(ctx context.Context, logger *explog.Logger, goroutine uint64) error {
	random := rand.New(rand.NewPCG(s.seed, goroutine))
	deadline := time.Now().Add(s.lasting)
	for n := 0; n < s.saves && time.Now().Before(deadline); n++ {
		rec := s.record(0)
		rec.ID = "" // a new one
		if s.pool > 0 {
			rec = s.record(random.IntN(s.pool))
		}
		started := time.Now()
		res, err := logger.Save(ctx, rec)
		if err != nil {
			return err
		}
		if err := s.say(Saved{res.ID, time.Since(started), res.Status.String()}); err != nil {
			return err
		}
	}
	return nil
}

// say prints a line, or keeps it for the end.
func (s *saver) say(v Saved) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.atEnd {
		s.saved = append(s.saved, v)
		return nil
	}
	return v.print(os.Stdout)
}

// sayAll prints what was kept.
func (s *saver) sayAll(took time.Duration) error {
	if !s.atEnd {
		return nil
	}
	out := bufio.NewWriter(os.Stdout)
	for _, v := range s.saved {
		if err := v.print(out); err != nil {
			return err
		}
	}
	fmt.Fprintf(out, "all %d\n", took.Microseconds())
	return out.Flush()
}

// Saved is a line of a saver.
type Saved struct {
	ID     string
	Took   time.Duration
	Status string
}

func (v Saved) print(w io.Writer) error {
	_, err := fmt.Fprintf(w, "%s %d %s\n", v.ID, v.Took.Microseconds(), v.Status)
	return err
}

// SavedIn reads what a saver printed. A line that a kill cut says nothing.
func SavedIn(out string) []Saved {
	var all []Saved
	for line := range strings.Lines(out) {
		var id, status string
		var micros int64
		if n, _ := fmt.Sscanf(line, "%s %d %s\n", &id, &micros, &status); n == 3 && strings.HasSuffix(line, "\n") {
			all = append(all, Saved{id, time.Duration(micros) * time.Microsecond, status})
		}
	}
	return all
}

// allIn reads how long all saves took together of a saver that prints at the end.
func allIn(out string) time.Duration {
	_, last, _ := strings.Cut(out, "\nall ")
	micros, _ := strconv.ParseInt(strings.TrimSuffix(last, "\n"), 10, 64) // 0 where it was killed
	return time.Duration(micros) * time.Microsecond
}

// Savers are processes that save at once.
type Savers struct {
	Processes, Goroutines, Saves int // goroutines of each process, saves of each goroutine
	// Command returns the command that runs [RunSaver] with the arguments.
	Command func(args ...string) *exec.Cmd
}

// Run starts the processes, which begin to save at the same moment. It returns how
// long each save took, and all those of the slowest process together.
func (s Savers) Run() (each []time.Duration, all time.Duration, err error) {
	begin := time.Now().Add(500 * time.Millisecond)
	outs, failed := make([]string, s.Processes), make([]error, s.Processes)
	var group sync.WaitGroup
	for i := range s.Processes {
		group.Go(func() {
			cmd := s.Command("-goroutines", fmt.Sprint(s.Goroutines), "-saves", fmt.Sprint(s.Saves), "-begin", fmt.Sprint(begin.UnixMicro()), "-at-end")
			var diag strings.Builder
			cmd.Stderr = &diag
			out, err := cmd.Output()
			if outs[i] = string(out); err != nil {
				failed[i] = fmt.Errorf("saver: %w\n%s", err, diag.String())
			}
		})
	}
	group.Wait()
	for _, out := range outs {
		all = max(all, allIn(out))
		for _, saved := range SavedIn(out) {
			each = append(each, saved.Took)
		}
	}
	return each, all, errors.Join(failed...)
}
