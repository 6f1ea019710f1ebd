package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

// TestMain is also what the children of a run start.
func TestMain(m *testing.M) {
	if name := os.Getenv(childVariable); name != "" {
		if err := runChild(context.Background(), name, os.Getenv(storeVariable), os.Args[1:]); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func TestParseScales(t *testing.T) {
	got, err := parseScales("500,100k,1M,10M")
	if want := []int{500, 100_000, 1_000_000, 10_000_000}; err != nil || !slices.Equal(got, want) {
		t.Errorf("%v, %v", got, err)
	}
	for _, n := range got {
		if again, err := parseScales(scaleText(n)); err != nil || again[0] != n {
			t.Errorf("%d: %q is %v, %v", n, scaleText(n), again, err)
		}
	}
	for _, wrong := range []string{"", "k", "1G", "0", "-5", "1k,", "1.5M", "101M", "99999999999999999999"} {
		if got, err := parseScales(wrong); err == nil {
			t.Errorf("%q is %v", wrong, got)
		}
	}
}

func TestParseOptions(t *testing.T) {
	o, err := parseOptions([]string{"--scale", "1k", "--runs", "2", "--case", "^export", "--json"}, io.Discard)
	if err != nil || !slices.Equal(o.scales, []int{1000}) || o.runs != 2 || !o.json || !o.cases.MatchString("export") || o.cases.MatchString("import") {
		t.Errorf("%+v, %v", o, err)
	}
	if o, err = parseOptions([]string{"--guard"}, io.Discard); err != nil || !slices.Equal(o.scales, []int{guardScale}) || o.runs != guardRuns {
		t.Errorf("guard: %+v, %v", o, err)
	}
	for _, wrong := range [][]string{{"--runs", "0"}, {"--case", "("}, {"--case", "nothing"}, {"surplus"}, {"--scale", "x"}, {"--what"}} {
		var diag strings.Builder
		if _, err := parseOptions(wrong, &diag); !errors.Is(err, errUsage) || diag.Len() == 0 {
			t.Errorf("%q: %v, %q", wrong, err, diag.String())
		}
	}
	if _, err := parseOptions([]string{"--help"}, io.Discard); !errors.Is(err, flag.ErrHelp) {
		t.Errorf("help: %v", err)
	}
}

func TestRatioIsRoundByRound(t *testing.T) {
	tests := []struct {
		ours, peer []float64
		want       ratio
	}{
		{[]float64{1, 4, 3}, []float64{2, 2, 2}, ratio{1.5, 0.5, 2}},
		{[]float64{1, 100, 1, 100}, []float64{2, 200, 1, 50}, ratio{0.75, 0.5, 2}}, // a slow round is slow for both
		{[]float64{3}, []float64{2, 900}, ratio{1.5, 1.5, 1.5}},                    // the peer was measured more often
	}
	for _, test := range tests {
		if got := ratioOf(test.ours, test.peer); got != test.want {
			t.Errorf("%v to %v: %v, want %v", test.ours, test.peer, got, test.want)
		}
	}
}

// measuredTwice is what two rounds might give.
var measuredTwice = map[string][]sample{
	"import":        {{Value: 1.2, Peak: 100 * mega}, {Value: 1.4, Peak: 120 * mega}},
	"Node import":   {{Value: 2.4, Peak: 140 * mega}, {Value: 2, Peak: 139 * mega}},
	"count":         {{Value: 0.0101, Peak: 13 * mega}, {Value: 0.0099, Peak: 13 * mega}},
	"save rate":     {{Value: 1000}, {Value: 500}},
	"64 goroutines": {{Value: 9000}, {Value: 9000}},
}

func contestOf(t *testing.T, name string) contest {
	t.Helper()
	i := slices.IndexFunc(contests, func(c contest) bool { return c.name == name })
	if i < 0 {
		t.Fatalf("no case %q", name)
	}
	return contests[i]
}

func TestTable(t *testing.T) {
	s := scaleReport{Records: 100_000, Bytes: 120 * mega}
	for _, name := range []string{"import", "import memory", "count --client", "64 goroutines"} {
		c := contestOf(t, name)
		if name == "count --client" {
			c.peer = "" // it cannot be had
		}
		s.Results = append(s.Results, c.result(measuredTwice, s.Records))
	}
	var b strings.Builder
	if err := s.writeTable(&b); err != nil {
		t.Fatal(err)
	}
	golden, err := os.ReadFile(filepath.Join("testdata", "table.txt"))
	if err != nil {
		t.Fatal(err)
	}
	if b.String() != string(golden) {
		t.Errorf("got\n%swant\n%s", b.String(), golden)
	}
}

func TestTheTableIsAtMost100ColumnsWide(t *testing.T) {
	measured := make(map[string][]sample)
	for name := range steps {
		measured[name] = []sample{{Value: 888, Peak: 8888 * mega}, {Value: 999.4, Peak: 8888 * mega}}
	}
	for _, c := range contests {
		var b strings.Builder
		writeRow(&b, c.result(measured, c.mark.at).row())
		if n := utf8.RuneCountInString(strings.TrimSpace(b.String())); n > 100 {
			t.Errorf("%d columns: %s", n, b.String())
		}
	}
}

func TestMarks(t *testing.T) {
	tests := []struct {
		name    string
		records int
		want    any
	}{
		{"import", 100_000, false}, // 0.5 and 0.7
		{"import", 1_000_000, nil}, // the mark is for 100k
		{"import memory", 5000, true},
		{"count --client", 1_000_000, true},
		{"64 goroutines", 100_000, false}, // 9 and 18 times
	}
	for _, test := range tests {
		measured := measuredTwice
		c := contestOf(t, test.name)
		if test.name == "count --client" {
			c.peer = ""
		}
		got := any(nil)
		if met := c.result(measured, test.records).Met; met != nil {
			got = *met
		}
		if got != test.want {
			t.Errorf("%s at %d: %v, want %v", test.name, test.records, got, test.want)
		}
	}
}

func TestTheGuardLooksAtTheBestRound(t *testing.T) {
	r := func(name string, ours, peer []float64) report {
		c := contestOf(t, name)
		got := ratioOf(ours, peer)
		return report{Scales: []scaleReport{{Results: []result{{Case: name, Peer: &side{Step: c.peer}, Ratio: &got, contest: c}}}}}
	}
	if err := r("import", []float64{1, 90}, []float64{1, 1}).guard(); err != nil {
		t.Errorf("one slow round: %v", err)
	}
	if err := r("import", []float64{5, 90}, []float64{1, 1}).guard(); err == nil {
		t.Error("a gross loss passes")
	}
	if err := r("64 goroutines", []float64{30, 1}, []float64{1, 1}).guard(); err != nil {
		t.Errorf("one slow round: %v", err)
	}
	if err := r("64 goroutines", []float64{2, 1}, []float64{1, 1}).guard(); err == nil {
		t.Error("a gross loss passes")
	}
}

func TestEveryContestHasItsSteps(t *testing.T) {
	used := make(map[string]bool)
	for _, c := range contests {
		for _, name := range []string{c.ours, c.peer} {
			if steps[name].run == nil {
				t.Errorf("%s: no step %q", c.name, name)
			}
			used[name] = true
		}
	}
	for name := range steps {
		if !used[name] {
			t.Errorf("nobody uses the step %q", name)
		}
	}
}

// TestRun measures each case once, in small, with those peers that there are.
func TestRun(t *testing.T) {
	if testing.Short() {
		t.Skip("it builds the binary and starts some hundred processes; run without -short")
	}
	t.Setenv("TMPDIR", t.TempDir())
	var out, diag strings.Builder
	if err := run(context.Background(), []string{"--scale", "2k", "--runs", "1"}, &out, &diag); err != nil {
		t.Fatalf("%v\n%s", err, diag.String())
	}
	for _, c := range contests {
		possible := steps[c.ours].from == 0 && (steps[c.ours].needs == noPeer || os.Getenv(realData) != "")
		if shown := strings.Contains(out.String(), "\n"+c.name+" "); shown != possible {
			t.Errorf("%s is in the table: %v\n%s", c.name, shown, out.String())
		}
	}
	left, err := os.ReadDir(os.Getenv("TMPDIR"))
	if err != nil || len(left) > 0 {
		t.Errorf("left in the temporary folder: %v, %v", left, err)
	}
}
