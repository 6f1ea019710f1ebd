package report

import (
	"errors"
	"fmt"
	"iter"
	"testing"

	"github.com/explog/explog/event"
	"github.com/explog/explog/hub/metrics"
	"github.com/explog/explog/query"
)

// answer is a result in short: the narrative, its manual flag and the model's, each +,
// - or ? for none.
func answer(narrative string, repeat int, flags string) query.HubResult {
	flag := func(c byte) *bool {
		yes := c == '+'
		if c == '?' {
			return nil
		}
		return &yes
	}
	r := query.HubResult{NarrativeID: narrative, Repeat: repeat, Text: "text " + narrative, Manual: flag(flags[0]), Flag: flag(flags[1]), Outcome: event.ResultOK}
	if r.Flag == nil {
		r.Outcome = event.ResultUnparsed
	}
	return r
}

func results(list ...query.HubResult) iter.Seq2[query.HubResult, error] {
	return func(yield func(query.HubResult, error) bool) {
		for _, r := range list {
			if !yield(r, nil) {
				return
			}
		}
	}
}

func TestCompareCountsFourCells(t *testing.T) {
	c, err := Compare(
		results(answer("1", 0, "++"), answer("2", 0, "+-"), answer("3", 0, "--"), answer("4", 0, "-+"), answer("5", 0, "--")),
		results(answer("5", 0, "-+"), answer("4", 0, "-+"), answer("3", 0, "-+"), answer("2", 0, "++"), answer("1", 0, "++")),
	)
	if err != nil {
		t.Fatal(err)
	}
	if c.BothRight != 1 || c.OnlyA != 2 || c.OnlyB != 1 || c.BothWrong != 1 || c.Left.N() != 0 || c.N() != 5 {
		t.Errorf("%+v", c)
	}
	if want := (metrics.Counts{TP: 1, FN: 1, FP: 1, TN: 2}); c.A != want {
		t.Errorf("A has %+v, want %+v", c.A, want)
	}
	if want := (metrics.Counts{TP: 2, FP: 3}); c.B != want {
		t.Errorf("B has %+v, want %+v", c.B, want)
	}
	if c.P() != metrics.McNemar(2, 1) {
		t.Errorf("p = %v", c.P())
	}
	var order []string
	for _, p := range c.Discordant {
		order = append(order, p.A.NarrativeID+p.B.NarrativeID)
	}
	if fmt.Sprint(order) != "[55 33 22]" {
		t.Errorf("discordant pairs %v", order)
	}
}

func TestCompareCountsWhatItLeavesOut(t *testing.T) {
	otherText := answer("text", 0, "++")
	otherText.Text = "another"
	c, err := Compare(
		results(answer("a", 0, "++"), answer("b", 1, "++"), answer("text", 0, "++"), answer("none", 0, "?+"), answer("one", 0, "++"),
			answer("two", 0, "++"), answer("A", 0, "+?"), answer("B", 0, "++"), answer("AB", 0, "+?")),
		results(answer("b", 0, "++"), answer("c", 0, "++"), otherText, answer("none", 0, "?+"), answer("one", 0, "?+"),
			answer("two", 0, "-+"), answer("A", 0, "++"), answer("B", 0, "+?"), answer("AB", 0, "+?")),
	)
	if err != nil {
		t.Fatal(err)
	}
	if want := (LeftOut{MissingInA: 2, MissingInB: 2, OtherText: 1, NoFlag: 1, OtherFlag: 2, UnusableA: 2, UnusableB: 1}); c.Left != want {
		t.Errorf("left out %+v, want %+v", c.Left, want)
	}
	if c.N() != 0 || c.Left.N() != 11 || c.P() != 1 {
		t.Errorf("%+v", c)
	}
}

func TestComparePairsTheSameRepeat(t *testing.T) {
	c, err := Compare(
		results(answer("1", 0, "++"), answer("1", 1, "+-"), answer("1", 2, "++")),
		results(answer("1", 0, "++"), answer("1", 1, "++")),
	)
	if err != nil {
		t.Fatal(err)
	}
	if c.BothRight != 1 || c.OnlyB != 1 || c.N() != 2 || c.Left != (LeftOut{MissingInB: 1}) {
		t.Errorf("%+v", c)
	}
}

func TestSomeDiscordantPairsAreOfBothKinds(t *testing.T) {
	for _, c := range []struct{ onlyA, onlyB, most, a, b int }{
		{3, 2, 20, 3, 2}, {0, 0, 20, 0, 0}, {50, 3, 20, 17, 3}, {3, 50, 20, 3, 17}, {50, 50, 20, 10, 10}, {50, 50, 5, 2, 3}, {20, 0, 20, 20, 0}, {30, 0, 20, 20, 0},
	} {
		var a, b []query.HubResult
		for i := range c.onlyA + c.onlyB {
			flags := [2]string{"++", "+-"}
			if i >= c.onlyA {
				flags = [2]string{"+-", "++"}
			}
			a, b = append(a, answer(fmt.Sprint(i), 0, flags[0])), append(b, answer(fmt.Sprint(i), 0, flags[1]))
		}
		compared, err := Compare(results(a...), results(b...))
		if err != nil {
			t.Fatal(err)
		}
		n := 0
		some := compared.Some(c.most)
		for _, p := range some {
			if p.RightA() {
				n++
			}
		}
		if n != c.a || len(some)-n != c.b {
			t.Errorf("%+v: %d and %d", c, n, len(some)-n)
		}
	}
}

func TestCompareTellsWhatCannotBeRead(t *testing.T) {
	broken := errors.New("broken")
	failing := func(yield func(query.HubResult, error) bool) { yield(query.HubResult{}, broken) }
	for _, err := range []error{
		second(Compare(failing, results())),
		second(Compare(results(), failing)),
	} {
		if !errors.Is(err, broken) {
			t.Errorf("error %v", err)
		}
	}
}

func second[T any](_ T, err error) error { return err }
