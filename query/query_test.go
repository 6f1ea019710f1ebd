package query

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"go.uber.org/goleak"
	"pgregory.net/rapid"

	"github.com/explog/explog/event"
	"github.com/explog/explog/eventlog"
	"github.com/explog/explog/projector"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var ctx = context.Background()

// reader returns a reader of a view that holds these records.
func reader(t testing.TB, lines ...string) *Reader {
	t.Helper()
	dir := t.TempDir()
	log := eventlog.New(dir, eventlog.Options{})
	var batch eventlog.Batch
	for _, line := range lines {
		d, err := event.ParseDraft([]byte(line))
		if err != nil {
			t.Fatal(err)
		}
		s, err := d.Complete(event.Defaults{
			Run: "r", Timestamp: "2026-01-01T00:00:00Z", EmptyCollections: true,
			NewID: func(content func() uuid.UUID) uuid.UUID { return content() },
		})
		if err != nil {
			t.Fatal(err)
		}
		f := s.Fact()
		batch.Events = append(batch.Events, eventlog.Event{ID: f.ID, Type: uint16(f.Type), Version: f.Version, Data: f.Data})
	}
	if _, err := log.Append(ctx, batch); err != nil {
		t.Fatal(err)
	}
	p := projector.New(log, projector.Experiments(), dir, time.Second)
	if _, err := p.CatchUp(ctx); err != nil {
		t.Fatal(err)
	}
	r, err := Open(ctx, p.Path(), time.Second)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close() })
	return r
}

func TestExportWritesEachScoreAsGiven(t *testing.T) {
	spellings := []string{"0", "0.0", "-0.0", "1", "1.0", "1.000", "0.92", "0.920", "9.2e-1", "1e-999", "0.1234567890123456789", "1E0", "1e-7"}
	var lines []string
	for i, s := range spellings {
		lines = append(lines, fmt.Sprintf(`{"client_id":"c","problem":"%d","solution":"","score":%s}`, i, s))
	}
	var out bytes.Buffer
	n, err := reader(t, lines...).Export(ctx, &out, Filter{}, false)
	if err != nil || n != int64(len(spellings)) {
		t.Fatalf("%d lines, %v", n, err)
	}
	for i, line := range strings.Split(strings.TrimSpace(out.String()), "\n") {
		if want := `"score":` + spellings[i] + `,"timestamp"`; !strings.Contains(line, want) {
			t.Errorf("%s has not %s", line, want)
		}
	}
}

func TestFilterValuesAreNeverSQL(t *testing.T) {
	r := reader(t, `{"client_id":"a' OR '1'='1","run_id":"%","problem":"","solution":"","score":0,"sources_used":["x'y","\"","ü"]}`, `{"client_id":"c","problem":"2","solution":"","score":0}`)
	for want, filters := range map[int64][]Filter{
		1: {{Client: "a' OR '1'='1"}, {Run: "%"}, {Sources: []string{"x'y"}}, {Sources: []string{`"`}}, {Sources: []string{"nope", "ü"}}},
		0: {{Client: "' OR 1=1 --"}, {Run: "_"}, {Sources: []string{"x"}}},
	} {
		for _, f := range filters {
			if n, err := r.Count(ctx, f); err != nil || n != want {
				t.Errorf("%+v: %d, %v, want %d", f, n, err, want)
			}
		}
	}
}

func TestEarlyEndOfARangeIsFine(t *testing.T) {
	r := reader(t, `{"client_id":"c","problem":"1","solution":"","score":0}`, `{"client_id":"c","problem":"2","solution":"","score":0}`)
	for rec, err := range r.Records(ctx, Filter{}) {
		if err != nil || rec.Problem != "1" {
			t.Errorf("%+v %v", rec, err)
		}
		break
	}
	if n, err := r.Count(ctx, Filter{}); err != nil || n != 2 {
		t.Errorf("%d %v", n, err)
	}
	canceled, cancel := context.WithCancel(ctx)
	cancel()
	for _, err := range r.Records(canceled, Filter{}) {
		if err == nil {
			t.Error("a canceled query gives records")
		}
	}
}

func TestAttemptsAreOfAClientUpToAnEvent(t *testing.T) {
	r := reader(t, `{"client_id":"c","problem":"1","solution":"s1","score":0.5}`, `{"client_id":"d","problem":"2","solution":"s2","score":1}`,
		`{"client_id":"c","problem":"3","solution":"s3","score":1.5}`, `{"client_id":"c","problem":"4","solution":"s4","score":0}`)
	var got []string
	for a, err := range r.Attempts(ctx, "c", 3) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, fmt.Sprintf("%d %s %s %s %s %v", a.Seq, a.ClientID, a.RunID, a.Problem, a.Solution, a.Score))
	}
	if want := "1 c r 1 s1 0.5, 3 c r 3 s3 1"; strings.Join(got, ", ") != want { // the score is the clamped one
		t.Errorf("%v, want %s", got, want)
	}
	if m, err := r.Moment(ctx); err != nil || m.Seq != 4 || len(m.LogID) != 36 || len(m.Hash) != 64 {
		t.Errorf("%+v, %v", m, err)
	}
}

func TestParseTime(t *testing.T) {
	now := time.Date(2026, 4, 7, 12, 0, 0, 0, time.UTC)
	for in, want := range map[string]string{
		"2026-04-07T09:30:00Z":      "2026-04-07T09:30:00Z",
		"2026-04-07T09:30:00+02:00": "2026-04-07T07:30:00Z",
		"2026-04-07":                "2026-04-07T00:00:00Z",
		"7d":                        "2026-03-31T12:00:00Z",
		"1.5h":                      "2026-04-07T10:30:00Z",
		"0s":                        "2026-04-07T12:00:00Z",
		"90s":                       "2026-04-07T11:58:30Z",
		"30m":                       "2026-04-07T11:30:00Z",
		"2w":                        "2026-03-24T12:00:00Z",
	} {
		if got, err := ParseTime(in, now); err != nil || got.Format(time.RFC3339Nano) != want {
			t.Errorf("ParseTime(%q) = %v, %v; want %s", in, got, err, want)
		}
	}
	for _, in := range []string{"", "7", "d", "-7d", "+7d", "7 d", "7y", "NaNd", "Infd", "1e300w", "2026-4-7", "20260407", "yesterday", "2026-02-30", "0x10d"} {
		if got, err := ParseTime(in, now); err == nil {
			t.Errorf("ParseTime(%q) = %v, want an error", in, got)
		}
	}
}

func FuzzParseTime(f *testing.F) {
	for _, s := range []string{"7d", "2026-04-07", "2026-04-07T09:30:00Z", "1.5h", ""} {
		f.Add(s)
	}
	now := time.Date(2026, 4, 7, 12, 0, 0, 0, time.UTC)
	f.Fuzz(func(t *testing.T, s string) {
		got, err := ParseTime(s, now)
		if err != nil {
			return
		}
		if y := got.Year(); y < -1 || y > 10000 {
			t.Errorf("%q is in the year %d", s, y)
		}
		if again, err := ParseTime(got.Format(time.RFC3339Nano), now); err == nil && !again.Equal(got) {
			t.Errorf("%q is %v, which reads as %v", s, got, again)
		}
	})
}

func ExampleReader_Export() {
	dir, err := os.MkdirTemp("", "query")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	log := eventlog.New(dir, eventlog.Options{})
	d, _ := event.ParseDraft([]byte(`{"id":"7d9f3c1e-0f4b-4a65-9d5e-2f8b1c6a7e90","problem":"p","solution":"s","score":0.9}`))
	s, _ := d.Complete(event.Defaults{Client: "hre", Run: "r", Timestamp: "2026-04-07T09:30:00Z", EmptyCollections: true})
	f := s.Fact()
	if _, err := log.Append(ctx, eventlog.Batch{Events: []eventlog.Event{{ID: f.ID, Type: uint16(f.Type), Version: f.Version, Data: f.Data}}}); err != nil {
		panic(err)
	}
	view := projector.New(log, projector.Experiments(), dir, time.Second)
	if _, err := view.CatchUp(ctx); err != nil {
		panic(err)
	}
	r, err := Open(ctx, view.Path(), time.Second)
	if err != nil {
		panic(err)
	}
	defer r.Close()
	if _, err := r.Export(ctx, os.Stdout, Filter{Client: "hre"}, false); err != nil {
		panic(err)
	}
	// Output:
	// {"id":"7d9f3c1e-0f4b-4a65-9d5e-2f8b1c6a7e90","client_id":"hre","run_id":"r","problem":"p","solution":"s","score":0.9,"timestamp":"2026-04-07T09:30:00Z","account_snapshot":{},"sources_used":[]}
}

// A limit gives the beginning of what there is without one, and a count its length,
// whichever way the view answers.
func TestLimitsAndCountsOfAnyFilter(t *testing.T) {
	var lines []string
	for n := range 300 {
		lines = append(lines, fmt.Sprintf(`{"client_id":"c%d","run_id":"r%d","problem":"%d","solution":"","score":0.%d,"timestamp":"2026-04-%02dT0%d:00:00%s","sources_used":["s%d"]}`,
			n*n%4, n%3, n, n%10, n*7%28+1, n%10, []string{"Z", "+02:00"}[n%2], n%5))
	}
	r := reader(t, lines...)
	half := 0.5
	times := []time.Time{{}, time.Date(2026, 4, 10, 0, 0, 0, 0, time.UTC), time.Date(2026, 4, 20, 5, 0, 0, 0, time.UTC)}
	rapid.Check(t, func(t *rapid.T) {
		f := Filter{
			Client:   rapid.SampledFrom([]string{"", "c0", "c1", "nobody"}).Draw(t, "client"),
			Run:      rapid.SampledFrom([]string{"", "", "r1"}).Draw(t, "run"),
			MinScore: rapid.SampledFrom([]*float64{nil, nil, &half}).Draw(t, "min"),
			Since:    rapid.SampledFrom(times).Draw(t, "since"),
			Until:    rapid.SampledFrom(times).Draw(t, "until"),
			Sources:  rapid.SampledFrom([][]string{nil, nil, {"s1", "s2"}}).Draw(t, "sources"),
			Order:    rapid.SampledFrom([]Order{"", LogOrder, Newest, Oldest, Best}).Draw(t, "order"),
		}
		all := problems(t, r, f)
		if n, err := r.Count(ctx, f); err != nil || n != int64(len(all)) {
			t.Fatalf("%+v: count %d, %v, but %d rows", f, n, err, len(all))
		}
		f.Limit = rapid.IntRange(1, 40).Draw(t, "limit")
		want := all[:min(f.Limit, len(all))]
		if got := problems(t, r, f); fmt.Sprint(got) != fmt.Sprint(want) {
			t.Fatalf("%+v:\n%v\nwant\n%v", f, got, want)
		}
		if n, err := r.Count(ctx, f); err != nil || n != int64(len(want)) {
			t.Fatalf("%+v: count %d, %v", f, n, err)
		}
		f.Limit *= rapid.IntRange(0, 1).Draw(t, "limited")
		if got, want := inParts(t, r, f, rapid.IntRange(1, 30).Draw(t, "part")), problems(t, r, f); fmt.Sprint(got) != fmt.Sprint(want) {
			t.Fatalf("%+v: resumed\n%v\nwant\n%v", f, got, want)
		}
	})
}

func problems(t *rapid.T, r *Reader, f Filter) (found []string) {
	for row, err := range r.Rows(ctx, f) {
		if err != nil {
			t.Fatal(err)
		}
		found = append(found, row.Problem)
	}
	return found
}

// inParts reads a few rows at a time, each time from the cursor on.
func inParts(t *rapid.T, r *Reader, f Filter, size int) (found []string) {
	var at Cursor
	for {
		before := len(found)
		for row, err := range r.RowsAfter(ctx, f, &at) {
			if err != nil {
				t.Fatal(err)
			}
			if found = append(found, row.Problem); len(found) == before+size {
				break
			}
		}
		if len(found) == before {
			return found
		}
	}
}
