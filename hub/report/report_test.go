package report

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"flag"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/explog/explog/event"
	"github.com/explog/explog/query"
)

var update = flag.Bool("update", false, "write the golden files anew")

// hostile is text that breaks documents that do not escape it.
const hostile = "a|b `c` </script><img src=x onerror=alert(1)> \"q\" =1+1 \x1b[31m\u202e {{.}} ``` [x](javascript:y)\nnext"

func experiments() []query.HubExperiment {
	cost := 0.0123
	started := time.Date(2026, 4, 7, 10, 0, 0, 0, time.UTC)
	return []query.HubExperiment{
		{
			ID: 1, UUID: uuid.UUID{1}, Name: "Keywords", Author: "Andrea", PromptID: 1, Prompt: "Is it?\nAnswer.\n", Model: "keywords-v1", Provider: "rules",
			Label: "manual_flag", Repeats: 1, Parameters: json.RawMessage(`{}`), Status: "finished", Started: started, Ended: started.Add(time.Second),
			Total: 78, Labelled: 75, ManualTrue: 36, Positives: 40, TP: 28, FN: 8, FP: 10, TN: 27, UnusableFalse: 2,
			Outcomes: map[event.ResultOutcome]int{event.ResultOK: 75, event.ResultUnparsed: 2, event.ResultNotRun: 1},
			Calls:    77, MeanLatency: 40 * time.Microsecond,
		},
		{
			ID: 2, UUID: uuid.UUID{2}, Name: hostile, Author: hostile, PromptID: 2, Prompt: hostile, Model: hostile, Provider: "openai",
			Label: "manual_flag", Repeats: 3, Parameters: json.RawMessage(`{"temperature":0,"x":"<b>"}`), Status: "aborted", Reason: hostile, Started: started,
			Total: 234, Labelled: 225, ManualTrue: 108, Positives: 110, TP: 100, FN: 2, FP: 8, TN: 110, UnusableTrue: 4, UnusableFalse: 1,
			Outcomes: map[event.ResultOutcome]int{
				event.ResultOK: 226, event.ResultUnparsed: 1, event.ResultRefused: 2, event.ResultFiltered: 1,
				event.ResultTruncated: 1, event.ResultError: 1, event.ResultNotRun: 2,
			},
			InputTokens: 51000, OutputTokens: 9000, Cost: &cost, MeanLatency: 812 * time.Millisecond, Calls: 240, PossiblyBilled: 2,
		},
		{
			ID: 3, UUID: uuid.UUID{3}, Name: "Not begun", PromptID: 1, Prompt: "Is it?\nAnswer.\n", Model: "m", Provider: "anthropic",
			Repeats: 1, Status: "defined", Total: 4, Outcomes: map[event.ResultOutcome]int{event.ResultNotRun: 4},
		},
	}
}

func summaries() []Summary {
	var list []Summary
	for _, e := range experiments() {
		list = append(list, Summarize(e))
	}
	Rank(list)
	return list
}

var formats = map[string]func(io.Writer, []Summary) error{"md": Markdown, "html": HTML, "csv": CSV, "json": JSON}

func write(t *testing.T, format string, list []Summary) string {
	t.Helper()
	var b bytes.Buffer
	if err := formats[format](&b, list); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestDocumentsAreAsTheyWere(t *testing.T) {
	for format := range formats {
		got, path := write(t, format, summaries()), filepath.Join("testdata", "report."+format)
		if *update {
			if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if got != string(want) {
			t.Errorf("%s differs; go test -update shows how", path)
		}
	}
}

func TestBestF1IsFirstAndUndefinedLast(t *testing.T) {
	list := append(summaries(), Summarize(query.HubExperiment{ID: 4, TP: 28, FN: 8, FP: 10}))
	Rank(list)
	var ids []int64
	for _, s := range list {
		ids = append(ids, s.ID)
	}
	if want := []int64{2, 1, 4, 3}; !equal(ids, want) {
		t.Errorf("ranks %v, want %v", ids, want)
	}
}

func equal(a, b []int64) bool {
	return len(a) == len(b) && strings.Trim(jsonOf(a), "") == jsonOf(b)
}

func jsonOf(v any) string {
	data, _ := json.Marshal(v)
	return string(data)
}

func TestUnusableAnswersCountAsWrongInStrict(t *testing.T) {
	s := Summarize(experiments()[1])
	if m := s.Strict.Matrix; m.FN != 6 || m.FP != 9 || m.TP != 100 || m.TN != 110 {
		t.Errorf("strict %+v", m)
	}
}

func TestCSVGivesTextBack(t *testing.T) {
	rows, err := csv.NewReader(strings.NewReader(write(t, "csv", summaries()))).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	if len(rows) != 4 || rows[1][2] != hostile || rows[3][21] != "" || rows[0][21] != "f1" {
		t.Errorf("%q", rows)
	}
}

func TestNothingToReport(t *testing.T) {
	for format, want := range map[string]string{"md": "No experiments.", "html": "No experiments.", "csv": "id,uuid,name", "json": "[]"} {
		if got := write(t, format, nil); !strings.Contains(got, want) {
			t.Errorf("%s: %s", format, got)
		}
	}
}
