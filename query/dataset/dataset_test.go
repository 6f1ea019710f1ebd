package dataset

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
	"pgregory.net/rapid"

	"github.com/explog/explog/query"
	"github.com/explog/explog/query/finetune"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// spec is one for few examples.
func spec(f finetune.Format) Spec {
	p := DefaultParameters()
	p.Format, p.MinExamples, p.MaxDuplicates = f, 1, 1
	return Spec{Form: currentForm, Folding: currentFolding, Source: Source{Client: "c"}, Version: 1, Moment: query.Moment{LogID: "l", Seq: 1000, Hash: "h"}, Parameters: p, Explog: "test"}
}

// record returns a record whose id tells its place in the log.
func record(seq uint64, problem, solution string, score float64) query.Attempt {
	return query.Attempt{Seq: seq, ID: fmt.Sprint("id-", seq), ClientID: "c", RunID: "r", Problem: problem, Solution: solution, Score: score}
}

func chosen(t *testing.T, spec Spec, records ...query.Attempt) selection {
	t.Helper()
	s, err := choose(t.Context(), records, spec.complete())
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// seqs returns the records of examples, by their places in the log.
func seqs(examples ...[]example) []uint64 {
	list := []uint64{}
	for _, part := range examples {
		for _, e := range part {
			list = append(list, e.Seq)
		}
	}
	slices.Sort(list)
	return list
}

func TestTheFilterIsInclusive(t *testing.T) {
	s := chosen(t, spec(finetune.OpenAI),
		record(1, "p1", "first answer", 0.749), record(2, "p2", "second try", 0.75), record(3, "p3", "third", 0.7499999999999999),
		record(4, "p4", "", 1), record(5, "", "no problem at all", 1), record(6, "p6", "something else", 1), record(7, "p7", " \n", 1))
	if got := seqs(s.train, s.eval); !slices.Equal(got, []uint64{2, 6}) || s.steps.Found != 7 || s.steps.Passed != 2 {
		t.Errorf("%v, %+v", got, s.steps)
	}
}

func TestTheBetterOfTwoDuplicatesStays(t *testing.T) {
	const long = "Count one conversion per click, and pause the two campaigns that spend without a sale."
	s := chosen(t, spec(finetune.OpenAI),
		record(1, "p1", long, 0.8),
		record(2, "p2", long, 0.9), // stays: the best of all
		record(3, "p3", long, 0.9),
		record(4, "p4", strings.ToUpper(long), 0.85),
		record(5, "p5", "Raise the budget of search.", 0.8)) // stays
	if got := seqs(s.train, s.eval); !slices.Equal(got, []uint64{2, 5}) {
		t.Errorf("left are %v", got)
	}
	var dropped []string
	for _, d := range s.dropped {
		dropped = append(dropped, fmt.Sprintf("%s %d of %d %v", d.fate, d.Seq, d.of.Seq, d.similarity))
	}
	if got := strings.Join(dropped, ", "); got != "exact_duplicate 3 of 2 1, exact_duplicate 1 of 2 1, near_duplicate 4 of 2 1" {
		t.Error(got)
	}
	if s.steps.ExactDuplicates != 2 || s.steps.NearDuplicates != 1 {
		t.Errorf("%+v", s.steps)
	}
}

// Replies of a benchmark are the same for many narratives.
func TestRepliesAreDuplicatesWhereTheNarrativesAre(t *testing.T) {
	s := spec(finetune.OpenAI)
	s.Source = Source{Experiment: "e"}
	const long = "The victim was shot by her husband, from whom she had been separated for three months, in front of the house."
	got := chosen(t, s,
		record(1, long, "yes", 1),
		record(2, "He fell off a ladder.", "yes", 1), // stays
		record(3, long, "yes", 1),
		record(4, strings.ToUpper(long), "Yes", 1),
		record(5, long, "Yes: her husband shot her after a separation, so there is an intimate partner, and violence.", 1)) // stays
	if seqs := seqs(got.train, got.eval); !slices.Equal(seqs, []uint64{1, 2, 5}) || got.steps.ExactDuplicates != 1 || got.steps.NearDuplicates != 1 {
		t.Errorf("%v, %+v", seqs, got.steps)
	}
}

func TestAPairIsTheBestAndTheWorst(t *testing.T) {
	s := chosen(t, spec(finetune.TRLDPO),
		record(1, "What?", "the middle answer", 0.8),
		record(2, "What?", "something bad", 0.1),
		record(3, " what?", "entirely wrong", 0), // the same problem
		record(4, "What?", "", 0),                // an answer that is none
		record(5, "What?", "best of them all", 1),
		record(6, "Alone", "nothing to compare with", 1),
		record(7, "Even", "as good", 0.9), record(8, "Even", "as the other", 0.9),
		record(9, "Poor", "too low to be chosen", 0.7), record(10, "Poor", "lower still", 0.2))
	pairs := slices.Concat(s.train, s.eval)
	if len(pairs) != 1 || pairs[0].Seq != 5 || pairs[0].rejected.Seq != 3 || s.steps.Unpaired != 4 {
		t.Errorf("%+v, %+v", pairs, s.steps)
	}
}

func TestInKTOTheScoreIsTheLabel(t *testing.T) {
	d := made(t, spec(finetune.KTO), record(1, "p1", "good", 0.75), record(2, "p2", "poor", 0.749))
	lines := string(d.contents[0]) + string(d.contents[1])
	for _, want := range []string{
		`{"prompt":[{"role":"user","content":"p1"}],"completion":[{"role":"assistant","content":"good"}],"label":true}`,
		`{"prompt":[{"role":"user","content":"p2"}],"completion":[{"role":"assistant","content":"poor"}],"label":false}`,
	} {
		if !strings.Contains(lines, want+"\n") {
			t.Errorf("%s is not in\n%s", want, lines)
		}
	}
}

// made returns a dataset without a log.
func made(t *testing.T, spec Spec, records ...query.Attempt) Dataset {
	t.Helper()
	d, err := write(t.Context(), chosen(t, spec, records...), spec.complete())
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// drawRecords draws records with few problems, solutions and scores.
func drawRecords(t *rapid.T, name string, after uint64) []query.Attempt {
	n := rapid.IntRange(0, 40).Draw(t, name)
	records := make([]query.Attempt, n)
	for i := range records {
		problem := rapid.SampledFrom([]string{"a", "A", " a\n", "b", "c c", "c  C", "d", "e", "f", "g", "h", "ü", "Ü"}).Draw(t, "problem")
		solution := strings.Repeat(rapid.SampledFrom([]string{"one ", "two ", "three ", "four ", "FOUR ", "five "}).Draw(t, "solution"), 3) +
			rapid.StringMatching(`[xyz]{0,5}`).Draw(t, "end")
		score := rapid.SampledFrom([]float64{0, 0.5, 0.749, 0.75, 0.9, 1}).Draw(t, "score")
		records[i] = record(after+uint64(i)+1, problem, solution, score)
	}
	return records
}

func TestEveryRecordIsAccountedFor(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		records := drawRecords(t, "records", 0)
		s, err := choose(context.Background(), records, spec(rapid.SampledFrom(finetune.Formats()).Draw(t, "format")))
		if err != nil {
			t.Fatal(err)
		}
		st := s.steps
		if st.Found != len(records) || st.Passed != st.ExactDuplicates+st.NearDuplicates+st.Unpaired+st.HeldOut+st.Written {
			t.Fatalf("%+v of %d", st, len(records))
		}
		if len(s.dropped) != st.ExactDuplicates+st.NearDuplicates || len(s.train) != st.Written || len(s.eval) != st.HeldOut {
			t.Fatalf("%+v", st)
		}
		for _, d := range s.dropped {
			if d.of.Score < d.Score || d.of.Score == d.Score && d.of.Seq > d.Seq {
				t.Fatalf("%d stands for %d, which is better", d.of.Seq, d.Seq)
			}
		}
	})
}

// No problem is on both sides, and none changes sides, whatever is logged later.
func TestAProblemStaysOnItsSide(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		first := spec(rapid.SampledFrom(finetune.Formats()).Draw(t, "format"))
		first.Parameters.Holdout = rapid.SampledFrom([]float64{0, 0.1, 0.5, 0.9}).Draw(t, "holdout")
		second := first
		second.After = uint64(rapid.IntRange(0, 40).Draw(t, "after"))
		records := drawRecords(t, "records", 0)
		more := slices.Concat(records, drawRecords(t, "more", uint64(len(records))))
		sides := make(map[string]Fate)
		for _, version := range []struct {
			spec    Spec
			records []query.Attempt
		}{{first, records}, {second, more}} {
			s, err := choose(context.Background(), version.records, version.spec)
			if err != nil {
				t.Fatal(err)
			}
			for fate, examples := range map[Fate][]example{Trained: s.train, HeldOut: s.eval} {
				for _, e := range examples {
					problem := strings.Join(strings.Fields(strings.ToLower(e.Problem)), " ")
					if side, ok := sides[problem]; ok && side != fate {
						t.Fatalf("%q is on both sides", e.Problem)
					}
					sides[problem] = fate
				}
			}
		}
	})
}

// A version and its delta together have no solution twice, and whatever passes the
// filter is in one of them, or something stands for it that is.
func TestAVersionAndItsDeltaAreTheWhole(t *testing.T) {
	unpaired := slices.DeleteFunc(finetune.Formats(), finetune.Format.Paired)
	rapid.Check(t, func(t *rapid.T) {
		whole := spec(rapid.SampledFrom(unpaired).Draw(t, "format"))
		records := drawRecords(t, "records", 0)
		delta := whole
		delta.After = uint64(rapid.IntRange(0, len(records)).Draw(t, "after"))
		before, err := choose(context.Background(), records[:delta.After], whole)
		if err != nil {
			t.Fatal(err)
		}
		since, err := choose(context.Background(), records, delta)
		if err != nil {
			t.Fatal(err)
		}
		here, solutions := make(map[string]bool), make(map[string]bool)
		for _, e := range slices.Concat(before.train, before.eval, since.train, since.eval) {
			if solutions[e.Solution] {
				t.Fatalf("%q is there twice", e.Solution)
			}
			here[e.ID], solutions[e.Solution] = true, true
		}
		for _, d := range slices.Concat(before.dropped, since.dropped) {
			if here[d.ID] || !here[d.of.ID] {
				t.Fatalf("%s was dropped (and is there: %v), because of %s (which is: %v)", d.ID, here[d.ID], d.of.ID, here[d.of.ID])
			}
			here[d.ID] = true
		}
		for _, a := range passing(records, whole.Parameters) {
			if !here[a.ID] {
				t.Fatalf("%s is lost", a.ID)
			}
		}
	})
}

func TestADeltaOfPairs(t *testing.T) {
	s := spec(finetune.TRLDPO)
	s.After = 3
	got := chosen(t, s,
		record(1, "first", "a good answer", 1), record(2, "second", "the right one", 0.9), record(3, "second", "wrong", 0.1), // a pair before
		record(4, "first", "a bad answer", 0), // makes one with an answer of before
		record(5, "third", "well said", 1), record(6, "third", "nonsense", 0))
	var pairs []string
	for _, e := range slices.Concat(got.train, got.eval) {
		pairs = append(pairs, fmt.Sprintf("%d>%d", e.Seq, e.rejected.Seq))
	}
	slices.Sort(pairs)
	if text := strings.Join(pairs, " "); text != "1>4 5>6" || got.steps.Unpaired != 0 {
		t.Errorf("%s, %+v", text, got.steps)
	}
}

func TestABetterDuplicateOfAnEarlierExampleIsNotInTheDelta(t *testing.T) {
	s := spec(finetune.OpenAI)
	s.After = 1
	got := chosen(t, s, record(1, "p1", "the same answer", 0.9), record(2, "p1", "the same answer", 1), record(3, "p2", "another one", 0.8))
	if seqs := seqs(got.train, got.eval); !slices.Equal(seqs, []uint64{3}) || got.steps.ExactDuplicates != 1 || got.dropped[0].of.Seq != 1 {
		t.Errorf("%v, %+v", seqs, got.steps)
	}
}

// What stands for a duplicate is an example, and not itself a duplicate.
func TestADuplicateOfADuplicateNamesWhatStays(t *testing.T) {
	const long = "Count one conversion per click, and pause the two campaigns that spend without a sale."
	got := chosen(t, spec(finetune.OpenAI), record(1, "p", long, 1), record(2, "p", long+" ", 0.9), record(3, "p", long+" ", 0.8))
	if len(got.dropped) != 2 || got.dropped[0].fate != ExactDuplicate || got.dropped[0].of.Seq != 1 || got.dropped[1].of.Seq != 1 {
		t.Errorf("%+v", got.dropped)
	}
}

func TestWhereTheLeastScoreCannotBeZero(t *testing.T) {
	p := DefaultParameters()
	p.Format, p.MinScore = finetune.KTO, 0
	if err := p.Check(); err == nil || !strings.Contains(err.Error(), "every answer is wanted") {
		t.Error(err)
	}
	s := spec(finetune.OpenAI)
	s.Source, s.Parameters.MinScore = Source{Experiment: "e"}, 0
	none := func(func(query.Attempt, error) bool) {}
	if _, err := Make(t.Context(), none, s); err == nil || !strings.Contains(err.Error(), "do not agree") {
		t.Error(err)
	}
}

func TestTheShareHeldOut(t *testing.T) {
	const problems = 10_000
	for _, share := range []float64{0, 0.1, 0.5} {
		n := 0
		for i := range problems {
			problem := fmt.Sprint("problem ", i)
			if heldOut(problem, share) {
				n++
				if !heldOut(problem, share+0.1) {
					t.Errorf("%s is held out at %v and not at more", problem, share)
				}
			}
		}
		if got := float64(n) / problems; got < share-0.02 || got > share+0.02 {
			t.Errorf("%v held out at %v", got, share)
		}
	}
	// These sides are for ever.
	for problem, want := range map[string]bool{"problem 0": false, "problem 2": true, " PROBLEM\n11": true} {
		for _, f := range []Folding{foldCase, foldUnicode} {
			if heldOut(f.problem(problem), 0.1) != want {
				t.Errorf("%s has changed sides", problem)
			}
		}
	}
}

func TestGates(t *testing.T) {
	nine := make([]query.Attempt, 9)
	for i := range nine {
		nine[i] = record(uint64(i+1), fmt.Sprint("problem ", i), strings.Repeat(fmt.Sprint(i), 20), 1)
	}
	twice := append(slices.Clone(nine), record(10, "problem 0", nine[0].Solution, 1))
	for _, test := range []struct {
		name    string
		records []query.Attempt
		change  func(*Parameters)
		want    string // the gates that fail
	}{
		{"all is well", nine, func(*Parameters) {}, ""},
		{"as many as are wanted", nine, func(p *Parameters) { p.MinExamples = 9 }, ""},
		{"too few", nine, func(p *Parameters) { p.MinExamples = 10 }, "min_examples"},
		{"a tenth are duplicates", twice, func(p *Parameters) { p.MaxDuplicates = 0.1 }, ""},
		{"too many duplicates", twice, func(p *Parameters) { p.MaxDuplicates = 0.0999 }, "max_duplicate_rate"},
		{"OpenAI wants ten", nine, func(p *Parameters) { p.Format = finetune.OpenAI }, "format_faults"},
		{"no records", nil, func(*Parameters) {}, "min_examples format_faults"},
	} {
		s := spec(finetune.Alpaca)
		s.Parameters.Holdout = 0
		test.change(&s.Parameters)
		d := made(t, s, test.records...)
		var failed []string
		for _, g := range d.Gates {
			if !g.Passed {
				failed = append(failed, g.Name)
			}
		}
		if got := strings.Join(failed, " "); got != test.want || d.Passed() != (test.want == "") {
			t.Errorf("%s: %q failed, want %q: %+v", test.name, got, test.want, d.Gates)
		}
	}
}

func TestParametersThatCannotBe(t *testing.T) {
	for name, change := range map[string]func(*Parameters){
		"unknown format":    func(p *Parameters) { p.Format = "csv" },
		"least score":       func(p *Parameters) { p.MinScore = 1.5 },
		"similarity":        func(p *Parameters) { p.Similarity = 0 },
		"number of":         func(p *Parameters) { p.MinExamples = 0 },
		"rate of":           func(p *Parameters) { p.MaxDuplicates = -1 },
		"hold out":          func(p *Parameters) { p.Holdout = 1 },
		"UTF-8":             func(p *Parameters) { p.SystemPrompt = "\xff" },
		"801 tokens":        func(p *Parameters) { p.SystemPrompt = strings.Repeat(" word", 801) },
		"5 tokens, of at m": func(p *Parameters) { p.SystemPrompt, p.MaxSystemTokens = "You are a helpful one", 4 },
	} {
		p := DefaultParameters()
		change(&p)
		if err := p.Check(); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
	}
	p := DefaultParameters()
	p.SystemPrompt = strings.Repeat(" word", 800)
	if err := p.Check(); err != nil {
		t.Errorf("800 tokens: %v", err)
	}
}

func TestASystemPromptStandsBeforeEachExample(t *testing.T) {
	s := spec(finetune.OpenAI)
	s.Parameters.SystemPrompt = "Be brief."
	s.Parameters.Holdout = 0
	d := made(t, s, record(1, "p", "a", 1))
	const want = `{"messages":[{"role":"system","content":"Be brief."},{"role":"user","content":"p"},{"role":"assistant","content":"a"}]}` + "\n"
	if got := string(d.contents[0]); got != want {
		t.Error(got)
	}
	if got := d.Files[0].Tokens; got != finetune.Tokens("Be brief.")+2 {
		t.Errorf("%d tokens", got)
	}
}

// shelved puts versions on a new shelf.
func shelved(t *testing.T, versions ...Dataset) Shelf {
	t.Helper()
	shelf := NewShelf(t.TempDir(), Source{Client: "c"})
	for _, d := range versions {
		if err := shelf.Write(t.Context(), d, time.Second); err != nil {
			t.Fatal(err)
		}
	}
	return shelf
}

func TestAShelfGivesBackWhatWasWritten(t *testing.T) {
	first, second := spec(finetune.Alpaca), spec(finetune.Alpaca)
	second.Version, second.Moment.Seq = 10, 2000
	a := made(t, first, record(1, "p1", "abc", 1), record(2, "p2", "def", 0.8), record(3, "p3", "abc", 0.9))
	b := made(t, second, record(2, "p2", "def", 0.8), record(4, "p4", "ghi", 1))
	shelf := shelved(t, a, b)
	versions, err := shelf.Versions()
	if err != nil || len(versions) != 2 || versions[0].Version != 1 || versions[1].Version != 10 {
		t.Fatalf("%+v, %v", versions, err)
	}
	if last, err := shelf.Last(finetune.Alpaca); err != nil || last.Log.Through != 2000 {
		t.Errorf("%+v, %v", last, err)
	}
	before, err := a.encode()
	if err != nil {
		t.Fatal(err)
	}
	if after, err := versions[0].encode(); err != nil || !bytes.Equal(before, after) {
		t.Errorf("the manifest was\n%s and is\n%s, %v", before, after, err)
	}
	d, err := shelf.Diff(1, 10)
	if err != nil || d.Same != 1 || len(d.Added) != 1 || d.Added[0].ID != "id-4" || len(d.Gone) != 1 || d.Gone[0].ID != "id-1" || len(d.Moved) != 0 {
		t.Errorf("%+v, %v", d, err)
	}
}
