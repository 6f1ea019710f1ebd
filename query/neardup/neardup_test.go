package neardup

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"go.uber.org/goleak"
	"pgregory.net/rapid"

	"github.com/explog/explog/evals/records"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestSimilarity(t *testing.T) {
	for _, test := range []struct {
		a, b string
		want float64
	}{
		{"Count one per click", "count  one\nper click ", 1}, // white space and capitals do not count
		{"ÄÖÜ straße", "äöü straße", 1},
		{"abc", "abc", 1}, // " abc ", one gram
		{"a", "A", 1},     // " a ", shorter than a gram
		{"a", "b", 0},     //
		{"", "", 0},       // no grams
		{" \t\n", "abc", 0},
		{"abcde", "abcdf", 1.0 / 3},          // of " abcd", "abcde" and "bcde " they share the first
		{"aaaaaaa", "aaaaaaaaaaaaaaaaaa", 1}, // how often does not count
		{"abcdefgh", "abcdefgh abcdefgh", 6 / math.Sqrt(6*9)},
	} {
		if got := Similarity(test.a, test.b); math.Abs(got-test.want) > 1e-12 {
			t.Errorf("%q and %q: %v, want %v", test.a, test.b, got, test.want)
		}
	}
}

// What the package comment promises of the default threshold.
func TestWhatIsNearAt092(t *testing.T) {
	const text = `Janet sells 16 - 3 - 4 = 9 duck eggs a day. She makes 9 * 2 = $18 every day at the farmers' market.
Count one conversion per click, pause what spends without a sale, and move the rest of the budget to the search campaign that already converts.`
	for _, test := range []struct {
		what, other string
		near        bool
	}{
		{"capitals and spacing", strings.ToUpper(strings.ReplaceAll(text, " ", "  ")), true},
		{"a typing error", strings.Replace(text, "already", "allready", 1), true},
		{"sentences in another order", text[100:] + "\n" + text[:99], true},
		{"a word", strings.Replace(text, "conversion", "purchase", 1), true},
		{"a number that decides", strings.Replace(text, "$18", "$19", 1), true},
		{"other words", "Each day nine eggs are left, which bring eighteen dollars. Let a click count once, stop campaigns that sell nothing, and give search what they had.", false},
		{"half of it", text[:len(text)/2], false},
		{"three words", strings.NewReplacer("conversion", "purchase", "budget", "money", "pause", "stop").Replace(text), false},
	} {
		if s := Similarity(text, test.other); s >= 0.92 != test.near {
			t.Errorf("%s: %.3f", test.what, s)
		}
	}
}

func TestThinKeepsTheFirst(t *testing.T) {
	chain := []string{"abcdefghijklmnopqrst", "abcdefghijklmnopqrstuvw", "abcdefghijklmnopqrstuvwxyz0"}
	ab, bc, ac := Similarity(chain[0], chain[1]), Similarity(chain[1], chain[2]), Similarity(chain[0], chain[2])
	const threshold = 0.87
	if ab < threshold || bc < threshold || ac >= threshold {
		t.Fatal(ab, bc, ac)
	}
	for _, test := range []struct {
		name  string
		texts []string
		want  []Match
	}{
		{"nothing", nil, nil},
		{"the one between is dropped, so the last stays", chain, []Match{{1, 0, ab}}},
		{"the one between comes first", []string{chain[1], chain[0], chain[2]}, []Match{{1, 0, ab}, {2, 0, bc}}},
		{"the most similar stands for it", []string{chain[2], chain[0], chain[1]}, []Match{{2, 1, ab}}},
		{"the first of two that are the same", []string{"x y z u v", "other", "X Y Z U V", "x y z  u v"}, []Match{{2, 0, 1}, {3, 0, 1}}},
		{"no text is like one without characters", []string{"", " ", "\n", "abc"}, nil},
	} {
		got, err := Thin(t.Context(), test.texts, threshold)
		if err != nil || !slices.Equal(got, test.want) {
			t.Errorf("%s: %v, %v; want %v", test.name, got, err, test.want)
		}
	}
}

func TestTheThresholdIsInclusive(t *testing.T) {
	texts := []string{"abcdefghijklmnopqrstuvwxyz", "abcdefghijklmnopqrstuvwx"}
	s := Similarity(texts[0], texts[1])
	for threshold, want := range map[float64]int{s: 1, math.Nextafter(s, 1): 0} {
		if got, err := Thin(t.Context(), texts, threshold); err != nil || len(got) != want {
			t.Errorf("at %v: %v, %v", threshold, got, err)
		}
	}
}

func TestThinRefuses(t *testing.T) {
	for _, threshold := range []float64{0, -1, 1.01, math.NaN(), math.Inf(1)} {
		if _, err := Thin(t.Context(), nil, threshold); err == nil {
			t.Errorf("a threshold of %v is taken", threshold)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Thin(ctx, []string{"a"}, 0.9); !errors.Is(err, context.Canceled) {
		t.Errorf("canceled: %v", err)
	}
}

// A search finds what comparing all pairs finds, but for one pair in a thousand at
// the threshold; 95 in a hundred must be found. All that it finds is right.
func TestHardlyAPairIsMissed(t *testing.T) {
	n := 5000
	if testing.Short() {
		n = 1000
	}
	sets := map[string][]string{"records": attempts(t, 1, n, 1)}
	if dir := os.Getenv("EXPLOG_REAL_DATA"); dir != "" {
		sets["gsm8k"] = realSolutions(t, filepath.Join(dir, "gsm8k.jsonl"))
	} else {
		t.Log("EXPLOG_REAL_DATA names no folder with real records")
	}
	for name, texts := range sets {
		for _, threshold := range []float64{0.92, 0.8} {
			found := make(map[[2]int]float64)
			err := search(t.Context(), texts, threshold, func(similar []Match) bool {
				for _, m := range similar {
					found[[2]int{m.Text, m.Of}] = m.Similarity
				}
				return true
			})
			if err != nil {
				t.Fatal(err)
			}
			want := allPairs(texts, threshold)
			hit := 0
			for pair, s := range want {
				if found[pair] == s {
					hit++
				}
			}
			t.Logf("%s at %v: %d of %d pairs", name, threshold, hit, len(want))
			if len(want) < 10 || float64(hit) < 0.95*float64(len(want)) || hit != len(found) {
				t.Errorf("%s at %v: found %d, of which right %d, of %d", name, threshold, len(found), hit, len(want))
			}
		}
	}
}

// allPairs compares all pairs, by counting the grams that each text shares with each
// one before it.
func allPairs(texts []string, threshold float64) map[[2]int]float64 {
	pairs := make(map[[2]int]float64)
	holders := make(map[gram][]int)
	sizes := make([]int, len(texts))
	for i, text := range texts {
		grams := set(appendGrams(nil, text))
		sizes[i] = len(grams)
		common := make([]int, i)
		for _, g := range grams {
			for _, j := range holders[g] {
				common[j]++
			}
			holders[g] = append(holders[g], i)
		}
		for j, n := range common {
			if s := float64(n) / math.Sqrt(float64(sizes[i])*float64(sizes[j])); s >= threshold {
				pairs[[2]int{i, j}] = s
			}
		}
	}
	return pairs
}

// attempts returns solutions as a search loop makes them, each of some of the
// generator's put together, and every fifth one an earlier one with some words
// changed.
func attempts(tb testing.TB, seed uint64, n, together int) []string {
	tb.Helper()
	g := records.New(seed)
	random := rand.New(rand.NewPCG(seed, 1))
	texts := make([]string, n)
	for i := range texts {
		if i > 0 && i%5 == 0 {
			words := strings.Fields(texts[random.IntN(i)])
			for range random.IntN(2 + len(words)/10) {
				words[random.IntN(len(words))] = fmt.Sprint(random.IntN(100))
			}
			texts[i] = strings.Join(words, " ")
			continue
		}
		for range together {
			texts[i] += solution(tb, g.Next())
		}
	}
	return texts
}

func realSolutions(tb testing.TB, path string) []string {
	tb.Helper()
	f, err := os.Open(path)
	if err != nil {
		tb.Fatal(err)
	}
	defer f.Close()
	var texts []string
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		texts = append(texts, solution(tb, lines.Bytes()))
	}
	if err := lines.Err(); err != nil {
		tb.Fatal(err)
	}
	return texts
}

func solution(tb testing.TB, line []byte) string {
	tb.Helper()
	var record struct{ Solution string }
	if err := json.Unmarshal(line, &record); err != nil {
		tb.Fatal(err)
	}
	return record.Solution
}

func TestTheResultDoesNotDependOnProcessors(t *testing.T) {
	texts := attempts(t, 2, 500, 1)
	want, err := Thin(t.Context(), texts, 0.92)
	if err != nil || len(want) == 0 {
		t.Fatal(len(want), err)
	}
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	if got, err := Thin(t.Context(), texts, 0.92); err != nil || !slices.Equal(got, want) {
		t.Errorf("%d and %d dropped, %v", len(got), len(want), err)
	}
}

// The numbers that two sketches share are as large a part as what two sets share of
// all that is in them.
func TestSketchesEstimateTheJaccardSimilarity(t *testing.T) {
	s := newSketcher(maxRows)
	sketchOf := func(from, to int) []uint64 {
		s.grams = s.grams[:0]
		for i := from; i < to; i++ {
			s.grams = append(s.grams, gram(mix(uint64(i))))
		}
		s.fill()
		return slices.Clone(s.numbers)
	}
	for _, size := range []int{1, 10, 100, 5000} {
		for _, shared := range []float64{0, 0.5, 0.8, 1} {
			shift := size - int(shared*float64(size))
			a, b := sketchOf(0, size), sketchOf(shift, shift+size)
			same := 0
			for i := range a {
				if a[i] == b[i] {
					same++
				}
			}
			want := float64(size-shift) / float64(size+shift)
			got := float64(same) / float64(len(a))
			if math.Abs(got-want) > 0.5/math.Sqrt(float64(size))+0.05 {
				t.Errorf("%d grams, %v shared: %.3f, want %.3f", size, shared, got, want)
			}
		}
	}
}

func TestSamplesOfUnlikeTextsRuleThemOut(t *testing.T) {
	text := solution(t, records.New(1).Next())
	texts := []string{text, text + " and more", strings.ToUpper(text), text[:len(text)/2], "quite another text"}
	s, err := newSketches(t.Context(), texts, 0.92)
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []bool{true, true, true, false, false} {
		if got := s.alike(0, i); got != want || s.alike(i, 0) != want {
			t.Errorf("%q: %v", texts[i], got)
		}
	}
}

func TestRowsLeaveAChanceOf999(t *testing.T) {
	for threshold, want := range map[float64]int{1: 16, 0.92: 13, 0.8: 5, 0.5: 1, 0.1: 1} {
		if got := rowsFor(threshold); got != want {
			t.Errorf("at %v: %d rows, want %d", threshold, got, want)
		}
	}
}

func TestSimilarityIsSymmetricAndWithinBounds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := rapid.StringMatching(`[aAbä \n]{0,30}`).Draw(t, "a"), rapid.StringMatching(`[aAbä \n]{0,30}`).Draw(t, "b")
		ab, ba := Similarity(a, b), Similarity(b, a)
		if ab != ba || ab < 0 || ab > 1 {
			t.Fatalf("%v and %v", ab, ba)
		}
		normal := func(s string) string { return strings.Join(strings.Fields(strings.ToLower(s)), " ") }
		if same := normal(a) == normal(b) && normal(a) != ""; same && ab != 1 {
			t.Fatalf("the same, and %v", ab)
		}
	})
}

func Example() {
	texts := []string{
		"Count one conversion per click, and pause the two campaigns that spend without a sale.",
		"Raise the budget of the search campaign.",
		"count one conversion per click and pause the two campaigns that spend without a sale",
	}
	dropped, err := Thin(context.Background(), texts, 0.92)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, m := range dropped {
		fmt.Printf("%d is like %d: %.3f\n", m.Text, m.Of, m.Similarity)
	}
	// Output:
	// 2 is like 0: 0.928
}

// BenchmarkThin goes through 100,000 texts of 1.2 KB.
func BenchmarkThin(b *testing.B) {
	texts := attempts(b, 1, 100_000, 3)
	size := 0
	for _, text := range texts {
		size += len(text)
	}
	b.SetBytes(int64(size))
	b.ReportAllocs()
	for b.Loop() {
		dropped, err := Thin(b.Context(), texts, 0.92)
		if err != nil || len(dropped) == 0 {
			b.Fatal(len(dropped), err)
		}
	}
}
