package explog

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/explog/explog/event"
	"github.com/explog/explog/eventlog"
	"github.com/explog/explog/projector"
	"github.com/explog/explog/query"
)

// Info describes a store.
type Info struct {
	Dir      string    `json:"dir"`
	LogID    string    `json:"log_id"`
	Format   int       `json:"format"` // of the log's file
	Created  time.Time `json:"created"`
	Head     uint64    `json:"head"` // last event in the log
	HeadHash string    `json:"head_hash"`
	LogBytes int64     `json:"log_bytes"`
	LogLinks uint64    `json:"log_links"` // names of the log's file; more than 1: it has hard links
	// DuplicatesTurnedAway counts what was offered again. It is a statistic beside
	// the log, not exact after a crash.
	DuplicatesTurnedAway uint64 `json:"duplicates_turned_away"`

	View       string `json:"view"` // path
	ViewBytes  int64  `json:"view_bytes"`
	Checkpoint uint64 `json:"checkpoint"` // last event in the view
	Lag        uint64 `json:"lag"`        // events that the view lacks
	// ViewFault says why the view will be built anew by the next reader; empty: it
	// need not be.
	ViewFault string `json:"view_fault,omitzero"`
	// Totals count what is in the view.
	query.Totals
	// Hub describes the view of benchmarks; nil: there is none.
	Hub *HubInfo `json:"hub,omitempty"`
}

// Info describes the store as it is: it does not bring the view up to the log.
func (l *Logger) Info(ctx context.Context) (Info, error) {
	head, err := l.log.Head(ctx)
	if err != nil {
		return Info{}, l.noStore(err)
	}
	status, err := l.view.State(ctx)
	if err != nil {
		return Info{}, err
	}
	info := Info{
		Dir: l.dir, LogID: head.ID.String(), Format: head.Format, Created: head.Created,
		Head: head.Seq, HeadHash: fmt.Sprintf("%x", head.Hash), LogBytes: head.FileSize, LogLinks: head.Links,
		DuplicatesTurnedAway: head.TurnedAway,
		View:                 l.view.Path(), Checkpoint: status.Checkpoint, Lag: head.Seq - min(head.Seq, status.Checkpoint), ViewFault: status.Held,
	}
	if info.Hub, err = l.hubInfo(ctx); err != nil || status.Held != "" {
		return info, err
	}
	if st, err := os.Stat(info.View); err == nil {
		info.ViewBytes = st.Size()
	}
	err = l.read(ctx, func(r *query.Reader) error {
		info.Totals, err = r.Totals(ctx)
		return err
	})
	if errors.Is(err, query.ErrDamaged) {
		info.ViewFault, info.Totals, err = "is damaged", query.Totals{}, nil
	}
	return info, err
}

// Entry is one record with all that the log knows of it.
type Entry struct {
	Seq        uint64
	RecordedAt time.Time
	Hash       eventlog.Hash // of the chain, after the record's event
	event.Saved
	// Conflicts are inputs with the record's id and other content.
	Conflicts []query.Reject
}

// ErrAmbiguous means that the ids of several records begin with what was given.
var ErrAmbiguous = errors.New("explog: not enough of the id")

// ErrNotFound means that the store has no record with the id.
var ErrNotFound = errors.New("explog: no such record")

// Find returns the record with an id, or with the one id that begins with what is
// given, at least 4 characters.
func (l *Logger) Find(ctx context.Context, id string) (Entry, error) {
	id, err := l.wholeID(ctx, id)
	if err != nil {
		return Entry{}, err
	}
	key, err := event.ParseID(id)
	if err != nil {
		return Entry{}, fmt.Errorf("%q is no id: %w", id, err)
	}
	ev, ok, err := l.log.Get(ctx, key)
	if err != nil {
		return Entry{}, l.noStore(err)
	}
	if !ok || event.Type(ev.Type) != event.TypeSaved {
		return Entry{}, fmt.Errorf("%w: %s", ErrNotFound, key)
	}
	saved, err := event.DecodeSaved(ev.Version, ev.Data)
	if err != nil {
		return Entry{}, err
	}
	e := Entry{Seq: ev.Seq, RecordedAt: ev.RecordedAt, Hash: ev.Hash, Saved: saved}
	err = l.reading(ctx, func(r *query.Reader) error {
		e.Conflicts = nil
		for rej, err := range r.Rejects(ctx, key.String()) {
			if err != nil {
				return err
			}
			e.Conflicts = append(e.Conflicts, rej)
		}
		return nil
	})
	return e, err
}

// wholeID completes the beginning of an id. What is no beginning of one is
// returned as it is.
func (l *Logger) wholeID(ctx context.Context, id string) (string, error) {
	prefix := strings.ToLower(id)
	if len(id) < 4 || len(id) >= 36 || strings.Trim(prefix, "0123456789abcdef-") != "" {
		return id, nil
	}
	var ids []string
	err := l.reading(ctx, func(r *query.Reader) (err error) {
		ids, err = r.IDs(ctx, prefix, 2)
		return err
	})
	switch {
	case err != nil:
		return "", err
	case len(ids) == 0:
		return "", fmt.Errorf("%w: none begins with %s", ErrNotFound, id)
	case len(ids) > 1:
		return "", fmt.Errorf("%w: %s and others begin with %s", ErrAmbiguous, ids[0], id)
	}
	return ids[0], nil
}

// Stats sums up the records that match a filter; its limit and order do not
// count.
func (l *Logger) Stats(ctx context.Context, f Filter) (s query.Stats, err error) {
	err = l.reading(ctx, func(r *query.Reader) error {
		s, err = r.Stats(ctx, f)
		return err
	})
	return s, err
}

// VerifyReport is what [Logger.Verify] found.
type VerifyReport struct {
	Log eventlog.Report
	// View lists what is wrong with the view. A view that is missing or behind the
	// log is not wrong.
	View []string
	// ViewState is "is missing" for a view that is not there, else empty.
	ViewState string
	// Hub and HubState are the same of the view of benchmarks.
	Hub      []string
	HubState string
}

// Clean reports whether nothing is wrong.
func (r VerifyReport) Clean() bool { return len(r.Log.Faults)+len(r.View)+len(r.Hub) == 0 }

// Verify checks the whole store: the log's file, framing, checksums, hash chain
// and index, whether each event can be decoded, and whether the views equal what
// the log folds to up to their checkpoints. Damage is in the report; the
// error is for what kept Verify from looking.
func (l *Logger) Verify(ctx context.Context) (VerifyReport, error) {
	var r VerifyReport
	var err error
	r.Log, err = l.log.Verify(ctx, decodable)
	if err != nil {
		return r, l.noStore(err)
	}
	if len(r.Log.Faults) > 0 {
		return r, nil // a view of a damaged log says nothing
	}
	if r.View, r.ViewState, err = verifyView(ctx, l.view); err != nil {
		return r, err
	}
	r.Hub, r.HubState, err = verifyView(ctx, l.hub)
	return r, err
}

func verifyView(ctx context.Context, view *projector.Projector) (found []string, state string, err error) {
	found, err = view.Verify(ctx)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, projector.Missing, nil
	}
	return found, "", err
}

// Accept takes a log that was put back from a copy as it is, after a check, and
// brings the view to it.
func (l *Logger) Accept(ctx context.Context) error {
	if err := l.log.Accept(ctx); err != nil {
		return l.noStore(err)
	}
	return l.CatchUp(ctx)
}

// decodable checks what only the event package can: that a payload is what its
// version says, under the key that it says.
func decodable(ev eventlog.Event) error {
	switch event.Type(ev.Type) {
	case event.TypeSaved:
		saved, err := event.DecodeSaved(ev.Version, ev.Data)
		return keyed(ev.ID, saved.ID(), err)
	case event.TypeRejected:
		rejected, err := event.DecodeRejected(ev.Version, ev.Data)
		if err != nil {
			return err
		}
		return keyed(ev.ID, rejected.Key(), nil)
	case event.TypeRunStarted:
		_, err := event.DecodeRunStarted(ev.ID, ev.Version, ev.Data)
		return err
	case event.TypeRunEnded:
		ended, err := event.DecodeRunEnded(ev.Version, ev.Data)
		return keyed(ev.ID, ended.Key(), err)
	}
	if ofHub(ev) {
		return hubDecodable(ev)
	}
	return fmt.Errorf("an event of %v, which this version of explog does not know", event.Type(ev.Type))
}

func keyed(under, own uuid.UUID, err error) error {
	if err == nil && under != own {
		err = fmt.Errorf("the event's key is %s, but its content says %s", under, own)
	}
	return err
}
