package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/explog/explog"
	"github.com/explog/explog/event"
)

// coreSuites are the suites that the experiment logger is held to.
var coreSuites = []suite{
	{"Schema Validation", schemaValidation},
	{"Score Normalization", scoreNormalization},
	{"SQLite Round-Trip", roundTrip},
	{"JSONL Export", jsonlExport},
	{"Idempotency", idempotency},
	{"Client Filtering", clientFiltering},
	{"Batch Save", batchSave},
}

// record returns a valid record; its id depends on n alone.
func record(n int) explog.Record {
	return explog.Record{
		ID:              fmt.Sprintf("7d9f3c1e-0f4b-4a65-9d5e-%012x", n),
		ClientID:        "hre",
		RunID:           "exp-2026-04-07-047",
		Problem:         "Leads count twice since the consent banner was changed.",
		Solution:        "Set the conversion to count one per click.\nCompare with the CRM after five days.",
		Score:           0.92,
		Timestamp:       "2026-04-07T09:30:00Z",
		AccountSnapshot: json.RawMessage(`{"spend_30d":1243.55,"tags":["GA4 - Config","Ads - Lead"]}`),
		SourcesUsed:     []string{"gtm", "google_ads", "meta"},
	}
}

// logger opens a store of its own.
func (r *runner) logger() *explog.Logger {
	l, err := explog.Open(r.newStore(), explog.Options{})
	if err != nil {
		r.check("Open a store", false, err)
	}
	return l
}

func (r *runner) save(l *explog.Logger, records ...explog.Record) {
	for _, rec := range records {
		if _, err := l.Save(r.ctx, rec); err != nil {
			r.check("Save record "+rec.ID, false, err)
		}
	}
}

func (r *runner) query(l *explog.Logger, f explog.Filter) []explog.Record {
	var list []explog.Record
	for rec, err := range l.Query(r.ctx, f) {
		if err != nil {
			r.check("Query", false, err)
			return nil
		}
		list = append(list, rec)
	}
	return list
}

func schemaValidation(r *runner) {
	valid, err := json.Marshal(record(1))
	if err == nil {
		var parsed explog.Record
		if parsed, err = event.Parse(valid); err == nil {
			err = parsed.Validate()
		}
	}
	r.check("Valid record passes schema", err == nil, err)

	_, err = event.Parse([]byte(`{"client_id":"hre","score":0.5}`))
	var invalid *explog.InvalidError
	r.check("Missing fields fail schema", errors.As(err, &invalid) && len(invalid.Faults) == 7, err)

	high, low := record(1), record(1)
	high.Score, low.Score = 1.1, -0.5
	r.check("Score > 1.0 fails schema validation", fails(high, "score"), high.Validate())
	r.check("Score < 0.0 fails schema validation", fails(low, "score"), low.Validate())
}

// fails reports whether a record is invalid in this field alone.
func fails(rec explog.Record, field string) bool {
	var invalid *explog.InvalidError
	return errors.As(rec.Validate(), &invalid) && len(invalid.Faults) == 1 && invalid.Faults[0].Field == field
}

func scoreNormalization(r *runner) {
	l := r.logger()
	for n, tc := range []struct {
		name  string
		given float64
		want  float64
	}{
		{"Score 0.75 saved as-is", 0.75, 0.75},
		{"Score 1.1 clamped to 1.0", 1.1, 1},
		{"Score -0.5 clamped to 0.0", -0.5, 0},
	} {
		rec := record(n)
		rec.Score, rec.RunID = tc.given, tc.name
		r.save(l, rec)
		got := r.query(l, explog.Filter{Run: tc.name})
		r.check(tc.name, len(got) == 1 && got[0].Score == tc.want, got)
	}
}

func roundTrip(r *runner) {
	l := r.logger()
	want := record(1)
	r.save(l, want)
	list := r.query(l, explog.Filter{})
	r.check("Query returns 1 record", len(list) == 1, len(list))
	if len(list) == 0 {
		list = make([]explog.Record, 1)
	}
	got := list[0]
	r.check("ID matches", got.ID == want.ID, got.ID)
	r.check("client_id matches", got.ClientID == want.ClientID, got.ClientID)
	r.check("problem matches", got.Problem == want.Problem, got.Problem)
	r.check("solution matches", got.Solution == want.Solution, got.Solution)
	r.check("score matches", got.Score == want.Score, got.Score)
	var snapshot struct {
		Tags []string `json:"tags"`
	}
	err := json.Unmarshal(got.AccountSnapshot, &snapshot)
	r.check("account_snapshot is object", err == nil && bytes.HasPrefix(got.AccountSnapshot, []byte("{")), string(got.AccountSnapshot))
	r.check("account_snapshot.tags matches", slices.Equal(snapshot.Tags, []string{"GA4 - Config", "Ads - Lead"}), snapshot.Tags)
	r.check("sources_used round-trips as array", slices.Equal(got.SourcesUsed, want.SourcesUsed), got.SourcesUsed)
	r.check("sources_used contains 'meta'", slices.Contains(got.SourcesUsed, "meta"), got.SourcesUsed)
}

func jsonlExport(r *runner) {
	l := r.logger()
	r.save(l, record(1), record(2))
	var out bytes.Buffer
	if _, err := l.Export(r.ctx, &out, explog.Filter{}, false); err != nil {
		r.check("Export", false, err)
	}
	lines := strings.Split(strings.TrimSuffix(out.String(), "\n"), "\n")
	r.check("Export produces 2 lines", len(lines) == 2, len(lines))
	valid := true
	for _, line := range lines {
		valid = valid && json.Valid([]byte(line))
	}
	r.check("Each JSONL line is valid JSON", valid, out.String())
}

func idempotency(r *runner) {
	l := r.logger()
	r.save(l, record(1), record(1), record(1))
	n, err := l.Count(r.ctx, explog.Filter{})
	r.check("Saving same record 3 times produces 1 row", n == 1 && err == nil, n, err)
}

func clientFiltering(r *runner) {
	l := r.logger()
	for n, client := range []string{"alpha", "alpha", "beta"} {
		rec := record(n)
		rec.ClientID, rec.Score = client, []float64{0.95, 0.5, 0.9}[n]
		r.save(l, rec)
	}
	alpha := r.query(l, explog.Filter{Client: "alpha"})
	r.check("Query client 'alpha' returns 2 records", len(alpha) == 2, len(alpha))
	beta := r.query(l, explog.Filter{Client: "beta"})
	r.check("Query client 'beta' returns 1 record", len(beta) == 1, len(beta))
	all := r.query(l, explog.Filter{})
	r.check("Query with no filter returns all 3 records", len(all) == 3, len(all))
	bound := 0.9
	best := r.query(l, explog.Filter{MinScore: &bound})
	low := slices.ContainsFunc(best, func(rec explog.Record) bool { return rec.Score < bound })
	r.check("min_score filter returns only records >= 0.9", len(best) == 2 && !low, best)
}

func batchSave(r *runner) {
	l := r.logger()
	var batch []explog.Record
	for n := range 50 {
		batch = append(batch, record(n))
	}
	_, err := l.SaveBatch(r.ctx, batch)
	n, countErr := l.Count(r.ctx, explog.Filter{})
	r.check("Batch save of 50 records works", err == nil && countErr == nil && n == 50, n, err, countErr)
}
