package projector

import (
	"database/sql"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/explog/explog/eventlog"
)

// repeating is a view of a log that has events twice: those that come behind n others
// are seen as the ones before them are, key included.
func repeating(v View, n int, events []eventlog.Event) View {
	fold := v.Fold
	v.Fold = func(ev eventlog.Event, emit Emit) error {
		if at := int(ev.Seq) - 1; at >= n {
			earlier := events[(at-n)%n]
			ev.ID, ev.Type, ev.Version, ev.Data = earlier.ID, earlier.Type, earlier.Version, earlier.Data
		}
		return fold(ev, emit)
	}
	return v
}

func mustStoreOf(t *testing.T, v View) (*eventlog.Log, *Projector) {
	t.Helper()
	dir := t.TempDir()
	log := eventlog.New(dir, eventlog.Options{})
	return log, New(log, v, dir, 0)
}

// TestTheSecondEventUnderAKeyIsDeadAndTheRestServed: whether the view is caught up or
// built, of both views.
func TestTheSecondEventUnderAKeyIsDeadAndTheRestServed(t *testing.T) {
	experiments := slices.Concat(savedEvents(t, 0, 30), []eventlog.Event{rejectEvent(t, 1)}, runEvents(t, 3))
	benchmark := newBench(t, 1, "10?").events(t)
	for name, c := range map[string]struct {
		view   View
		events []eventlog.Event
	}{"experiments": {Experiments(), experiments}, "hub": {Hub(), benchmark}} {
		n := len(c.events)
		log, p := mustStoreOf(t, repeating(c.view, n, c.events))
		mustAppend(t, log, c.events...)
		mustCatchUp(t, p)
		want := dumpWithout(t, p, "explog_view", "dead_events")

		mustAppend(t, log, savedEvents(t, 1000, 1000+n)...) // each is seen as an earlier event
		s := mustCatchUp(t, p)
		if s.Rebuilt != damaged || s.Behind() != 0 {
			t.Errorf("%s: caught up: %+v", name, s)
		}
		if got := dumpWithout(t, p, "explog_view", "dead_events"); got != want {
			t.Errorf("%s: rows changed:\n%s\nwant\n%s", name, got, want)
		}
		if s := mustCatchUp(t, p); s.Rebuilt != "" {
			t.Errorf("%s: it is rebuilt again: %+v", name, s)
		}
		dead := dump(t, p)
		if reasons := strings.Count(dead, "already"); reasons == 0 || reasons > n {
			t.Errorf("%s: %d dead events: %s", name, reasons, dead)
		}
		if _, err := p.Rebuild(ctx); err != nil || dump(t, p) != dead {
			t.Errorf("%s: another rebuild: %v", name, err)
		}
		verifyClean(t, p)
		mustAppend(t, log, deadEvent(1))
		if s := mustCatchUp(t, p); s.Rebuilt != damaged && s.Rebuilt != "" || s.Behind() != 0 {
			t.Errorf("%s: %+v", name, s)
		}
		verifyClean(t, p)
	}
}

// dumpWithout reads every row of a view but those of some tables.
func dumpWithout(t *testing.T, p *Projector, tables ...string) string {
	t.Helper()
	var kept []string
	for line := range strings.Lines(dump(t, p)) {
		if table, _, _ := strings.Cut(line, " "); !slices.Contains(tables, table) {
			kept = append(kept, line)
		}
	}
	return strings.Join(kept, "")
}

func TestEveryKindOfEventThatMustBeOnceIsNamed(t *testing.T) {
	for name, ev := range map[string]eventlog.Event{"record": savedEvent(t, 1), "reject": rejectEvent(t, 1), "run": runEvents(t, 3)[0]} {
		log, p := mustStoreOf(t, repeating(Experiments(), 1, []eventlog.Event{ev}))
		mustAppend(t, log, ev, savedEvent(t, 2))
		mustCatchUp(t, p)
		var seq int
		var reason string
		query(t, p, "SELECT seq, reason FROM dead_events", &seq, &reason)
		if seq != 2 || !strings.Contains(reason, "already") {
			t.Errorf("%s: event %d is dead: %s", name, seq, reason)
		}
	}
}

// TestAViewThatContradictsTheLogIsRebuilt: states that a torn restore can leave, each
// with page checksums that are right.
func TestAViewThatContradictsTheLogIsRebuilt(t *testing.T) {
	for _, change := range []string{
		"UPDATE explog_view SET checkpoint = 20, checkpoint_hash = (SELECT hash FROM at20)",
		"UPDATE explog_view SET checkpoint = 0, checkpoint_hash = ''",
		"UPDATE explog_view SET checkpoint_hash = 'x', checkpoint = 3",
		"UPDATE explog_view SET checkpoint = -1",
		"UPDATE explog_view SET checkpoint = 1000",
		"UPDATE explog_view SET log_id = 'another'",
		"DELETE FROM explog_view",
		"DROP TABLE explog_view",
		"DROP TABLE clients",
		"DROP TABLE dead_events",
		"DROP TABLE runs",
		"ALTER TABLE experiments DROP COLUMN extra",
		"CREATE TRIGGER t BEFORE INSERT ON experiments BEGIN SELECT RAISE(ABORT, 'no'); END",
	} {
		log, p := newStore(t)
		mustAppend(t, log, savedEvents(t, 0, 20)...)
		mustCatchUp(t, p)
		st, err := p.readState(ctx)
		must(t, err)
		mustAppend(t, log, savedEvents(t, 20, 40)...)
		mustCatchUp(t, p)
		want := dump(t, p)
		write(t, p, "CREATE TEMP TABLE at20 AS SELECT '"+st.hash+"' AS hash; "+change)
		mustAppend(t, log, savedEvents(t, 40, 41)...)
		if s := mustCatchUp(t, p); s.Rebuilt == "" || s.Behind() != 0 {
			t.Errorf("%s: %+v", change, s)
		}
		if got := dump(t, p); !strings.Contains(want, "\n") || strings.Count(got, "\n") != strings.Count(want, "\n")+1 {
			t.Errorf("%s: wrong rows", change)
		}
		verifyClean(t, p)
	}
}

func TestAFailedInsertChangesNothingElse(t *testing.T) {
	log, p := mustStoreOf(t, View{
		Name: "test", Version: 1, Schema: "CREATE TABLE test(n INTEGER PRIMARY KEY, text TEXT NOT NULL CHECK (text <> 'bad')); CREATE TABLE sums(n INTEGER PRIMARY KEY, m);",
		Tables: []string{"test", "sums", "dead_events"},
		Fold: func(ev eventlog.Event, emit Emit) error {
			emit(&Statement{SQL: "INSERT INTO sums VALUES (?, ?) ON CONFLICT DO UPDATE SET m = m + excluded.m", Sum: true}, 1, int64(1))
			emit(&Statement{SQL: "INSERT INTO test VALUES (?, 'first')"}, 10*ev.Seq)
			emit(&Statement{SQL: "INSERT INTO test VALUES (?, ?)"}, 10*ev.Seq+1, map[bool]string{true: "bad", false: "good"}[ev.Seq == 3])
			return nil
		},
	})
	mustAppend(t, log, savedEvents(t, 0, 5)...)
	mustCatchUp(t, p)
	var rows, sum sql.NullInt64
	var dead string
	query(t, p, "SELECT (SELECT count(*) FROM test), (SELECT m FROM sums), (SELECT seq || ' ' || reason FROM dead_events)", &rows, &sum, &dead)
	if got := fmt.Sprint(rows.Int64, sum.Int64); got != "8 4" || !strings.HasPrefix(dead, "3 the view does not accept it: ") {
		t.Errorf("rows and sum %s, dead event %s", got, dead)
	}
	verifyClean(t, p)
}
