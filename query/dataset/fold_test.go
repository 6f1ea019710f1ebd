package dataset

import (
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"testing"
	"unicode"

	"golang.org/x/text/unicode/norm"
	"pgregory.net/rapid"

	"github.com/explog/explog/query"
	"github.com/explog/explog/query/finetune"
)

func TestWhatIsTheSameProblem(t *testing.T) {
	for _, test := range []struct {
		a, b        string
		first, next bool // the same by the first folding, by the second
	}{
		{"What is 2+2?", " what\nis\u00a0 2+2? ", true, true},
		{"Caf\u00e9?", "Cafe\u0301?", false, true},
		{"CAF\u00c9?", "cafe\u0301?", false, true},
		{"\ud55c\uad6d", norm.NFD.String("\ud55c\uad6d"), false, true}, // Hangul
		{"\u1e69", "s\u0307\u0323", false, true},                       // marks in another order
		{"Stra\u00dfe", "STRASSE", false, true},
		{"\u03a3\u03af\u03c3\u03c5\u03c6\u03bf\u03c2", "\u03a3\u038a\u03a3\u03a5\u03a6\u039f\u03a3", false, true}, // final sigma
		{"\u212b", "\u00e5", true, true},                                                                          // the angstrom sign
		{"\ufb01", "fi", false, true},                                                                             // by case folding
		{"\u13a0\u13f0", "\uab70\u13f8", true, true},                                                              // Cherokee, which is folded to upper case
		{"x\u00b2", "x2", false, false},                                                                           // compatibility is not equality
		{"caf\u00e9", "cafe", false, false},                                                                       // an accent matters
		{"a b", "ab", false, false},
	} {
		for f, want := range map[Folding]bool{foldCase: test.first, foldUnicode: test.next} {
			if got := f.problem(test.a) == f.problem(test.b); got != want {
				t.Errorf("folding %d: %+q and %+q are the same: %t, want %t", f, test.a, test.b, got, want)
			}
		}
	}
}

func TestEveryCharacterIsFoldedOnce(t *testing.T) {
	for r := rune(0); r <= unicode.MaxRune; r++ {
		folded := foldUnicode.problem(string(r))
		if again := foldUnicode.problem(folded); again != folded {
			t.Errorf("%U is folded to %+q, and that to %+q", r, folded, again)
		}
	}
}

func TestFoldingDoesNotDependOnTheFormOfUnicode(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.String().Draw(t, "text")
		folded := foldUnicode.problem(text)
		for _, same := range []string{norm.NFC.String(text), norm.NFD.String(text), " " + text + "\n", folded} {
			if got := foldUnicode.problem(same); got != folded {
				t.Fatalf("%+q is folded to %+q, and %+q to %+q", text, folded, same, got)
			}
		}
	})
}

func TestBothFormsOfUnicodeAreOnOneSide(t *testing.T) {
	s := spec(finetune.Alpaca)
	s.Parameters.Holdout = 0.5
	var records []query.Attempt
	for i := range uint64(100) {
		problem := fmt.Sprint("Caf\u00e9 ", i, "?")
		records = append(records, record(2*i+1, problem, fmt.Sprint("one ", i*7919), 1),
			record(2*i+2, norm.NFD.String(problem), fmt.Sprint("two ", i*104729), 1))
	}
	got := chosen(t, s, records...)
	side := make(map[string]Fate)
	for fate, examples := range map[Fate][]example{Trained: got.train, HeldOut: got.eval} {
		for _, e := range examples {
			problem := norm.NFC.String(e.Problem)
			if before, ok := side[problem]; ok && before != fate {
				t.Errorf("%s is on both sides", problem)
			}
			side[problem] = fate
		}
	}
	if len(got.train)+len(got.eval) != 200 || len(got.eval) == 0 {
		t.Errorf("%+v", got.steps)
	}
}

func TestSolutionsThatDifferInTheFormOfUnicodeAreDuplicates(t *testing.T) {
	got := chosen(t, spec(finetune.Alpaca), record(1, "p", "caf\u00e9", 0.9), record(2, "q", "cafe\u0301", 1))
	if seqs := seqs(got.train, got.eval); !slices.Equal(seqs, []uint64{2}) || got.steps.ExactDuplicates != 1 {
		t.Errorf("%v, %+v", seqs, got.steps)
	}
	pair := chosen(t, spec(finetune.TRLDPO), record(1, "p", "caf\u00e9", 1), record(2, "p", "cafe\u0301", 0))
	if len(pair.train)+len(pair.eval) != 0 {
		t.Errorf("a pair of the same text: %+v", pair)
	}
}

// oldRecords returns the records of testdata/form1: some have the same problem in
// another form of Unicode, and some contradict each other.
func oldRecords() []query.Attempt {
	var records []query.Attempt
	for i := range 20 {
		seq := uint64(4 * i)
		records = append(records,
			record(seq+1, fmt.Sprint("Caf\u00e9 ", i, "?"), fmt.Sprint("answer ", i*i*7919), 0.9),
			record(seq+2, fmt.Sprint("Cafe\u0301  ", i, "?"), fmt.Sprint("reply ", i*i*104729), 0.8),
			record(seq+3, fmt.Sprint("CAF\u00c9 ", i, "?"), fmt.Sprint("answer ", i*i*7919), 0.1),
			record(seq+4, fmt.Sprint("STRASSE ", i/2), fmt.Sprint("Stra\u00dfe ", i*i*31), float64(i%2)))
	}
	return records
}

func sequence(records []query.Attempt) iter.Seq2[query.Attempt, error] {
	return func(yield func(query.Attempt, error) bool) {
		for _, a := range records {
			if !yield(a, nil) {
				return
			}
		}
	}
}

// testdata/form1 was written before foldings had versions: in three formats, and a
// delta.
func TestDatasetsOfTheFirstFormStayAsTheyAre(t *testing.T) {
	shelf := NewShelf("testdata/form1", Source{Client: "c"})
	versions, err := shelf.Versions()
	if err != nil || len(versions) != 4 {
		t.Fatal(len(versions), err)
	}
	for _, m := range versions {
		faults, err := shelf.Verify(t.Context(), sequence(oldRecords()), m)
		if err != nil || len(faults) > 0 {
			t.Errorf("v%d: %q, %v", m.Version, faults, err)
		}
		if !m.Outdated() || m.Contradictions != nil {
			t.Errorf("v%d: %+v", m.Version, m)
		}
	}
	if f, err := shelf.Folding(); f != foldCase || err != nil {
		t.Errorf("folding %d, %v", f, err)
	}
}

func TestTheNextVersionOfAnOldDatasetKeepsTheFolding(t *testing.T) {
	shelf := NewShelf("testdata/form1", Source{Client: "c"})
	folding, err := shelf.Folding()
	if err != nil {
		t.Fatal(err)
	}
	old, err := shelf.examples(1)
	if err != nil {
		t.Fatal(err)
	}
	s := spec(finetune.Alpaca)
	s.Folding, s.Parameters.Holdout, s.Version = folding, 0.5, 5
	d := made(t, s, oldRecords()...)
	if d.Dataset != currentForm || d.Folding != foldCase || d.Contradictions.Count == 0 {
		t.Errorf("%+v", d.Manifest)
	}
	list, err := decodeProvenance(strings.NewReader(string(d.contents[2])))
	if err != nil {
		t.Fatal(err)
	}
	sides := make(map[string]Fate)
	for _, p := range list {
		if p.Fate == Trained || p.Fate == HeldOut {
			sides[p.ID] = p.Fate
		}
	}
	for _, p := range old {
		if sides[p.ID] != p.Fate {
			t.Errorf("%s was in %s and is in %q", p.ID, p.Fate, sides[p.ID])
		}
	}
}

func TestAFoldingOfALaterProgramIsRefused(t *testing.T) {
	s := spec(finetune.Alpaca)
	s.Folding = currentFolding + 1
	if _, err := Make(t.Context(), sequence(nil), s); err == nil || !strings.Contains(err.Error(), "folding of problems has version 3") {
		t.Error(err)
	}
}

func TestANameThatIsTooLongForAFolder(t *testing.T) {
	for name, want := range map[string]error{strings.Repeat("c", 255): nil, strings.Repeat("c", 256): ErrLongName, strings.Repeat("é", 43): ErrLongName, "hre": nil} {
		if err := (Source{Client: name}).Check(); !errors.Is(err, want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
