package dataset

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/explog/explog/query"
	"github.com/explog/explog/query/finetune"
)

// contradicting returns the contradictions of a version, each as the records that are
// below the least score and the best one.
func contradicting(s selection) string {
	var list []string
	for _, d := range s.disputed {
		var below []string
		for _, a := range d.below {
			below = append(below, fmt.Sprint(a.Seq))
		}
		list = append(list, strings.Join(below, ",")+"<"+fmt.Sprint(d.better.Seq))
	}
	return strings.Join(list, " ")
}

func TestContradictions(t *testing.T) {
	records := []struct {
		problem, solution string
		score             float64
	}{
		1:  {"What?", "so", 1},
		2:  {" what? ", "so", 0}, // contradicts 1
		3:  {"What?", "so", 0.74},
		4:  {"What?", "so", 0.75},
		5:  {"Who?", "so", 0},                // another problem
		6:  {"What?", "not so", 0},           // another solution
		7:  {"Caf\u00e9?", "caf\u00e9", 0.8}, // of which 8 is another form
		8:  {"CAFE\u0301?", "cafe\u0301", 0.1},
		9:  {"Where?", "here", 0.8}, // both pass
		10: {"Where?", "here", 0.9},
		11: {"When?", "now", 0}, // none passes
		12: {"When?", "now", 0.1},
		13: {"", "", 1}, // blank
		14: {"", "", 0},
	}
	for _, f := range finetune.Formats() {
		s := spec(f)
		var attempts []query.Attempt
		for seq := 1; seq < len(records); seq++ {
			attempts = append(attempts, record(uint64(seq), records[seq].problem, records[seq].solution, records[seq].score))
		}
		got := chosen(t, s, attempts...)
		if text := contradicting(got); text != "2,3<1 8<7" {
			t.Errorf("%s: %s", f, text)
		}
		// What is written is what would be without the records below.
		without := slices.DeleteFunc(slices.Clone(attempts), func(a query.Attempt) bool { return slices.Contains([]uint64{2, 3, 8}, a.Seq) })
		if other := chosen(t, s, without...); !f.Paired() && !slices.Equal(seqs(got.train, got.eval), seqs(other.train, other.eval)) {
			t.Errorf("%s: %v, and without those below %v", f, seqs(got.train, got.eval), seqs(other.train, other.eval))
		}
		s.After = 7 // 8 is new, and contradicts
		if text := contradicting(chosen(t, s, attempts...)); text != "8<7" {
			t.Errorf("%s: a delta: %s", f, text)
		}
	}
}

func TestContradictionsAreInManifestAndProvenance(t *testing.T) {
	d := made(t, spec(finetune.Alpaca), record(1, "p", "a", 0), record(2, "p", "a", 1), record(3, "p", "a", 0.5), record(4, "q", "b", 1))
	manifest, err := d.encode()
	if err != nil {
		t.Fatal(err)
	}
	c := d.Contradictions
	if c == nil || c.Count != 1 || len(c.First) != 1 || c.First[0].Better.ID != "id-2" || c.First[0].Worse.ID != "id-1" {
		t.Errorf("%+v", c)
	}
	if again, err := decodeManifest(manifest); err != nil || again.Contradictions.First[0] != c.First[0] {
		t.Errorf("%+v, %v", again, err)
	}
	for _, want := range []string{
		`{"fate":"contradicting","id":"id-1","seq":1,"client_id":"c","run_id":"r","score":0,"of":"id-2"}`,
		`{"fate":"contradicting","id":"id-3","seq":3,"client_id":"c","run_id":"r","score":0.5,"of":"id-2"}`,
	} {
		if !strings.Contains(string(d.contents[2]), want+"\n") {
			t.Errorf("%s is not in\n%s", want, d.contents[2])
		}
	}
	shelf := shelved(t, d)
	examples, err := shelf.examples(1)
	if err != nil || len(examples) != 2 {
		t.Errorf("%+v, %v", examples, err)
	}
}

func TestManyContradictionsAreCounted(t *testing.T) {
	var records []query.Attempt
	for i := range uint64(20) {
		problem := fmt.Sprint("problem ", i)
		records = append(records, record(2*i+1, problem, fmt.Sprint(i*7919), 1), record(2*i+2, problem, fmt.Sprint(i*7919), 0))
	}
	d := made(t, spec(finetune.Alpaca), records...)
	if d.Contradictions.Count != 20 || len(d.Contradictions.First) != shownContradictions {
		t.Errorf("%+v", d.Contradictions)
	}
}
