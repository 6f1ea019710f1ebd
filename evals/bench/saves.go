package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/explog/explog"
	"github.com/explog/explog/evals/latency"
	"github.com/explog/explog/evals/records"
	"github.com/explog/explog/event"
	"github.com/explog/explog/eventlog"
)

// How many saves one sample is made of.
const (
	savesAlone = 200 // one after the other; as many transactions and syncs
	savesOf64  = 200 // by each goroutine
	savesOf16  = 50  // by each process
)

// saveAll is the child that saves: see [latency.RunSaver].
func saveAll(ctx context.Context, store string, args []string) error {
	rec, err := event.Parse(records.New(seed).Next())
	if err != nil {
		return err
	}
	return latency.RunSaver(ctx, store, args, func(int) explog.Record { return rec })
}

// savers runs processes that save in a new store, which has one record.
func (a *arena) savers(ctx context.Context, processes, goroutines, saves int) (q latency.Quantiles, rate float64, err error) {
	store := a.newPath("saves")
	first := a.explogCommand(ctx, store, "save")
	first.Stdin = strings.NewReader(string(records.New(seed).Next()))
	if _, err := finish(first, nil); err != nil {
		return q, 0, err
	}
	each, all, err := latency.Savers{
		Processes: processes, Goroutines: goroutines, Saves: saves,
		Command: func(args ...string) *exec.Cmd { return child(ctx, "saver", store, args...) },
	}.Run()
	if err == nil && len(each) != processes*goroutines*saves {
		err = fmt.Errorf("%d saves, want %d", len(each), processes*goroutines*saves)
	}
	return latency.QuantilesOf(each), float64(len(each)) / all.Seconds(), errors.Join(err, a.discard(store))
}

func (a *arena) save(ctx context.Context) (sample, error) {
	q, _, err := a.savers(ctx, 1, 1, savesAlone)
	return sample{Value: q.P50.Seconds()}, err
}

func (a *arena) saveRate(ctx context.Context) (sample, error) {
	_, rate, err := a.savers(ctx, 1, 1, savesAlone)
	return sample{Value: rate}, err
}

func (a *arena) saveRateOf64(ctx context.Context) (sample, error) {
	_, rate, err := a.savers(ctx, 1, 64, savesOf64)
	return sample{Value: rate}, err
}

func (a *arena) saveOf16(ctx context.Context) (sample, error) {
	q, _, err := a.savers(ctx, 16, 1, savesOf16)
	return sample{Value: q.P99.Seconds()}, err
}

// bboltPut puts the bytes of the record that the savers save.
func (a *arena) bboltPut(context.Context) (sample, error) {
	took, err := a.bare.Transactions(savesAlone, records.New(seed).Next())
	return sample{Value: latency.QuantilesOf(took).P50.Seconds()}, err
}

func (a *arena) diskSync(context.Context) (sample, error) {
	took, err := a.bare.Syncs(savesAlone)
	return sample{Value: latency.QuantilesOf(took).P50.Seconds()}, err
}

// appendedRecords is how many records an appender appends for one sample.
const appendedRecords = 100_000

// appendAll is the child that appends new records to a log, in batches. It prints how
// many nanoseconds the appending took; making the records is not in them.
func appendAll(ctx context.Context, store string, args []string) error {
	flags := flag.NewFlagSet("appender", flag.ContinueOnError)
	count := flags.Int("records", 0, "")
	seed := flags.Uint64("seed", 0, "")
	if err := flags.Parse(args); err != nil {
		return err
	}
	log := eventlog.New(store, eventlog.Options{})
	g := records.New(*seed)
	var took time.Duration
	for left := *count; left > 0; {
		batch := eventlog.Batch{Events: make([]eventlog.Event, min(left, 4096))} // as an import does
		for i := range batch.Events {
			ev, err := eventOf(g.Next())
			if err != nil {
				return err
			}
			batch.Events[i] = ev
		}
		left -= len(batch.Events)
		started := time.Now()
		if _, err := log.Append(ctx, batch); err != nil {
			return err
		}
		took += time.Since(started)
	}
	_, err := fmt.Fprintln(os.Stdout, took.Nanoseconds())
	return err
}

// eventOf returns a record's line as what is logged of it.
func eventOf(line []byte) (eventlog.Event, error) {
	d, err := event.ParseDraft(line)
	if err != nil {
		return eventlog.Event{}, err
	}
	saved, err := d.Complete(event.Defaults{NewID: func(func() uuid.UUID) uuid.UUID { return uuid.New() }})
	if err != nil {
		return eventlog.Event{}, err
	}
	f := saved.Fact()
	return eventlog.Event{ID: f.ID, Type: uint16(f.Type), Version: f.Version, Data: f.Data}, nil
}

// growLog makes the log that has as many records as the scale says, but for those that
// the first round appends.
func (a *arena) growLog(ctx context.Context) error {
	if a.grown != "" {
		return nil
	}
	a.grown = a.newPath("log")
	_, err := a.appendTo(ctx, a.grown, a.scale-appendedRecords)
	return err
}

func (a *arena) appendMore(ctx context.Context) (sample, error) {
	return a.appendTo(ctx, a.grown, appendedRecords)
}

func (a *arena) appendFirst(ctx context.Context) (sample, error) {
	store := a.newPath("log")
	got, err := a.appendTo(ctx, store, appendedRecords)
	return got, errors.Join(err, a.discard(store))
}

// appendTo appends new records to the log of a store.
func (a *arena) appendTo(ctx context.Context, store string, count int) (sample, error) {
	a.appended++
	cmd := child(ctx, "appender", store, "-records", strconv.Itoa(count), "-seed", strconv.Itoa(seed+a.appended))
	e, err := finish(cmd, nil)
	if err != nil {
		return sample{}, err
	}
	nanos, err := strconv.ParseInt(strings.TrimSpace(e.out), 10, 64)
	if err != nil {
		return sample{}, err
	}
	return sample{Value: float64(nanos) / 1e9 / float64(count), CPU: e.cpu.Seconds(), Peak: e.peak}, nil
}
