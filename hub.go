package explog

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"github.com/explog/explog/event"
	"github.com/explog/explog/eventlog"
	"github.com/explog/explog/projector"
	"github.com/explog/explog/query"
)

// ErrNoExperiment means that there is no such benchmark, or none at all.
var ErrNoExperiment = query.ErrNoExperiment

// Append makes facts durable in one transaction: all of them or, on an error, none.
// Those whose keys the log has already are left out. A fact that could not be read
// again is [ErrInvalidFact]. Saving a record is more than this, see [Logger.Save].
func (l *Logger) Append(ctx context.Context, facts ...event.Fact) error {
	if len(facts) == 0 {
		return nil
	}
	batch := eventlog.Batch{Events: make([]eventlog.Event, len(facts))}
	for i, f := range facts {
		batch.Events[i] = toEvent(f)
		if err := decodable(batch.Events[i]); err != nil {
			return fmt.Errorf("%w %s: %w", ErrInvalidFact, f.ID, err)
		}
	}
	_, err := l.log.Append(ctx, batch)
	return err
}

// Hub brings the view of benchmarks up to the log and opens it; the caller closes it.
// All that was appended before is in it: a view that cannot be brought so far is an
// error. A log without a benchmark gets no view and is [ErrNoExperiment].
func (l *Logger) Hub(ctx context.Context) (*query.Hub, error) {
	if err := l.needHub(ctx); err != nil {
		return nil, err
	}
	status, err := l.hub.CatchUpFully(ctx)
	if err != nil {
		return nil, l.noStore(err)
	}
	if status.Rebuilt != "" && status.Rebuilt != projector.Missing { // most likely it was never there
		l.noteRebuilt(l.hub, status)
	}
	h, err := query.OpenHub(ctx, l.hub.Path(), l.opts.LockTimeout)
	if !errors.Is(err, query.ErrDamaged) {
		return h, err
	}
	l.opts.Note(fmt.Sprintf("%s is damaged: building it anew from the log", l.hub.Path()))
	if _, err := l.hub.Rebuild(ctx); err != nil {
		return nil, err
	}
	return query.OpenHub(ctx, l.hub.Path(), l.opts.LockTimeout)
}

// hubPatience is how long a reader waits for the view of benchmarks to be brought up to
// the log.
const hubPatience = 400 * time.Millisecond

// ReadHub runs fn on the view of benchmarks without waiting long for it: what cannot be
// brought into it soon, because a hub run adds to the log, is left out, and a note says how
// many events the view lacks. If the view turns out to be damaged it is built anew, and fn
// runs again; so fn must not give out anything before it ends. A log without a benchmark
// is [ErrNoExperiment].
func (l *Logger) ReadHub(ctx context.Context, fn func(*query.Hub) error) error {
	if err := l.needHub(ctx); err != nil {
		return err
	}
	patience, stop := context.WithTimeout(ctx, hubPatience)
	defer stop()
	status, err := l.hub.CatchUpUntil(ctx, patience.Done())
	if err != nil {
		return l.noStore(err)
	}
	if status.Rebuilt != "" && status.Rebuilt != projector.Missing {
		l.noteRebuilt(l.hub, status)
	}
	if status.Held != "" {
		l.noteBehind(l.hub, status)
	}
	err = l.readHub(ctx, fn)
	if errors.Is(err, fs.ErrNotExist) { // another process is just replacing it: wait for that
		if _, err = l.hub.CatchUp(ctx); err == nil {
			err = l.readHub(ctx, fn)
		}
	}
	if !errors.Is(err, query.ErrDamaged) {
		return err
	}
	l.opts.Note(fmt.Sprintf("%s is damaged: building it anew from the log", l.hub.Path()))
	if _, rebuildErr := l.hub.Rebuild(ctx); rebuildErr != nil {
		return errors.Join(err, rebuildErr)
	}
	return l.readHub(ctx, fn)
}

func (l *Logger) readHub(ctx context.Context, fn func(*query.Hub) error) error {
	h, err := query.OpenHubUnchecked(ctx, l.hub.Path(), l.opts.LockTimeout)
	if err != nil {
		return err
	}
	return errors.Join(fn(h), h.Close())
}

// CatchUpHub brings the view of benchmarks up to the log, if there are benchmarks, or
// makes it. It gives up, without an error, where another process works on the view.
func (l *Logger) CatchUpHub(ctx context.Context) error {
	err := l.needHub(ctx)
	if errors.Is(err, ErrNoExperiment) {
		return nil
	}
	if err == nil {
		_, err = l.hub.CatchUp(ctx)
	}
	return l.noStore(err)
}

// RebuildHub is Rebuild for the view of benchmarks. A log without one gets no view and
// is [ErrNoExperiment].
func (l *Logger) RebuildHub(ctx context.Context) (events uint64, err error) {
	if err := l.needHub(ctx); err != nil {
		return 0, err
	}
	status, err := l.hub.Rebuild(ctx)
	return status.Checkpoint, l.noStore(err)
}

// needHub makes sure that the store has benchmarks.
func (l *Logger) needHub(ctx context.Context) error {
	has, err := l.hasHub(ctx)
	if err == nil && !has {
		err = fmt.Errorf("%w: %s holds none; explog hub run makes one", ErrNoExperiment, l.dir)
	}
	return l.noStore(err)
}

// hasHub reports whether the store has benchmarks: there is a view of them, or there
// are facts. Without a view, it reads the log up to the first.
func (l *Logger) hasHub(ctx context.Context) (bool, error) {
	_, err := os.Stat(l.hub.Path())
	if !errors.Is(err, fs.ErrNotExist) {
		return err == nil, err
	}
	for ev, err := range l.log.Events(ctx, 1) {
		if err != nil {
			return false, err
		}
		if ofHub(ev) {
			return true, nil
		}
	}
	return false, nil
}

// HubInfo describes the view of benchmarks.
type HubInfo struct {
	View       string `json:"view"` // path
	ViewBytes  int64  `json:"view_bytes"`
	Checkpoint uint64 `json:"checkpoint"` // last event in the view
	Lag        uint64 `json:"lag"`        // events that the view lacks
	// ViewFault says why the view will be built anew by the next reader; empty: it
	// need not be.
	ViewFault string `json:"view_fault,omitzero"`
	// HubTotals count what is in the view.
	query.HubTotals
}

// hubInfo describes the view of benchmarks as it is; nil: there is none.
func (l *Logger) hubInfo(ctx context.Context) (*HubInfo, error) {
	st, err := os.Stat(l.hub.Path())
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	status, err := l.hub.State(ctx)
	info := &HubInfo{
		View: l.hub.Path(), ViewBytes: st.Size(),
		Checkpoint: status.Checkpoint, Lag: status.Behind(), ViewFault: status.Held,
	}
	if err != nil || status.Held != "" {
		return info, err
	}
	h, err := query.OpenHub(ctx, l.hub.Path(), l.opts.LockTimeout)
	if errors.Is(err, query.ErrDamaged) {
		info.ViewFault = "is damaged"
		return info, nil
	}
	if err != nil {
		return info, err
	}
	info.HubTotals, err = h.Totals(ctx)
	return info, errors.Join(err, h.Close())
}

// ofHub reports whether an event is a fact of a benchmark.
func ofHub(ev eventlog.Event) bool {
	t := event.Type(ev.Type)
	return event.TypePrompt <= t && t <= event.TypeCallWithdrawn
}

// hubDecodable is decodable for the facts of benchmarks.
func hubDecodable(ev eventlog.Event) error {
	switch event.Type(ev.Type) {
	case event.TypePrompt:
		return underItsKey[event.Prompt](ev)
	case event.TypeNarrative:
		return underItsKey[event.Narrative](ev)
	case event.TypeNarrativeSet:
		return underItsKey[event.NarrativeSet](ev)
	case event.TypeExperimentStopped:
		return underItsKey[event.ExperimentStopped](ev)
	case event.TypeCallStarted:
		return underItsKey[event.CallStarted](ev)
	case event.TypeCallFinished:
		return underItsKey[event.CallFinished](ev)
	case event.TypeResultParsed:
		return underItsKey[event.ResultParsed](ev)
	case event.TypeCallWithdrawn:
		return underItsKey[event.CallWithdrawn](ev)
	case event.TypeExperimentDefined:
		return underAnyKey[event.ExperimentDefined](ev)
	case event.TypeExperimentStarted:
		return underAnyKey[event.ExperimentStarted](ev)
	}
	return underAnyKey[event.Relabelled](ev)
}

// underItsKey checks a fact whose key derives from its content.
func underItsKey[T interface{ Fact() (event.Fact, error) }](ev eventlog.Event) error {
	v, err := event.DecodeBenchmark[T](ev.Version, ev.Data)
	if err != nil {
		return err
	}
	f, err := v.Fact()
	return keyed(ev.ID, f.ID, err)
}

// underAnyKey checks a fact whose key is random.
func underAnyKey[T any](ev eventlog.Event) error {
	_, err := event.DecodeBenchmark[T](ev.Version, ev.Data)
	return err
}
