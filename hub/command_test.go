package hub

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/explog/explog/event"
	"github.com/explog/explog/hub/config"
	"github.com/explog/explog/hub/narrative"
)

// judged are the flags that are left after a run: those of answers that were not
// withdrawn.
func judged(t *testing.T, log *memory) map[string]bool {
	t.Helper()
	withdrawn := make(map[string]bool)
	for _, w := range of[event.CallWithdrawn](t, log, event.TypeCallWithdrawn) {
		withdrawn[fmt.Sprint(w.Call, w.Attempt)] = true
	}
	flags := make(map[string]bool)
	for _, r := range of[event.ResultParsed](t, log, event.TypeResultParsed) {
		if withdrawn[fmt.Sprint(r.Call, r.Attempt)] {
			continue
		}
		if _, twice := flags[r.Narrative]; twice {
			t.Errorf("narrative %s has two answers", r.Narrative)
		}
		if r.Flag != nil {
			flags[r.Narrative] = *r.Flag
		}
	}
	return flags
}

// fires returns narratives, every third with a fire.
func fires(n int) narrative.Set {
	set := narrative.Set{Label: "flag"}
	for i := range n {
		text := "all calm"
		if i%3 == 0 {
			text = "a fire in the hall"
		}
		set.Narratives = append(set.Narratives, narrative.Narrative{ID: fmt.Sprint("n", i), Text: text, Flag: new(i%3 == 0)})
	}
	return set
}

// planOver makes the plan of an experiment over narratives.
func planOver(e config.Experiment, narratives narrative.Set, p Provider) (Plan, error) {
	set, err := NewSet(narratives, e.Limit)
	if err != nil {
		return Plan{}, err
	}
	return NewPlan(e, set, p)
}

// runCommand runs a program over narratives and returns what is left.
func runCommand(t *testing.T, set narrative.Set, concurrency int, args ...string) (*memory, Report, []string) {
	t.Helper()
	e := config.Experiment{
		Name: "E", Prompt: "?", Model: "m", Provider: config.ProviderCommand, Repeats: 1, Concurrency: concurrency,
		Command: config.Command{Args: args, Mode: "lines", Input: "json"},
	}
	p, err := OpenProvider(e, nil)
	if err != nil {
		t.Fatal(err)
	}
	plan, err := planOver(e, set, p)
	if err != nil {
		t.Fatal(err)
	}
	defer plan.Close()
	var notes []string
	log, report := run(t, plan, Options{Note: func(text string) { notes = append(notes, text) }})
	return log, report, notes
}

// mustBeRight checks that the answers that are left are those of the narratives.
func mustBeRight(t *testing.T, set narrative.Set, flags map[string]bool) {
	t.Helper()
	for _, n := range set.Narratives {
		if flag, answered := flags[n.ID]; answered && flag != *n.Flag {
			t.Errorf("%s is %v, want %v", n.ID, flag, *n.Flag)
		}
	}
}

const (
	judge   = `case $x in *fire*) echo yes;; *) echo no;; esac`
	judgeID = `id=${x#*'"id":"'}; id=${id%%'"'*}; case $x in *fire*) f=true;; *) f=false;; esac; echo "{\"id\":\"$id\",\"detected\":$f}"`
)

func loop(body string) string { return "while read -r x; do " + body + "; done" }

// A line that is not an answer never makes another answer wrong.
func TestAProgramThatPrintsALineTooMany(t *testing.T) {
	for name, tc := range map[string]struct {
		script   string
		finished bool   // every question has an answer at last
		says     string // the warning, or why the run was stopped
	}{
		"nothing else":               {loop(judge), true, ""},
		"a banner at the start":      {"echo Using device: cpu; " + loop(judge), false, `("Using device: cpu", then `},
		"a banner with the first":    {"n=0; " + loop(`[ $n = 0 ] && echo loading; n=1; `+judge), false, `("loading", then `},
		"a draft for each":           {loop("echo no; " + judge), false, `("no", then `},
		"a warning with the fourth":  {"n=0; " + loop(`n=$((n+1)); [ $n = 4 ] && echo warning: too long; `+judge), true, "withdrawn"},
		"a warning with the tenth":   {"n=0; " + loop(`n=$((n+1)); [ $n = 10 ] && echo warning; `+judge), true, "withdrawn"},
		"an error after a banner":    {"echo loading; n=0; " + loop(`n=$((n+1)); if [ $n = 5 ]; then echo '{"error":"no"}'; else `+judge+`; fi`), false, ""},
		"a line at the end":          {loop(judge) + "; echo done", false, `", then "done")`},
		"ids":                        {loop(judgeID), true, ""},
		"ids, a banner":              {"echo Using device: cpu; " + loop(judgeID), true, ""},
		"ids, a warning for each":    {loop("echo hm; " + judgeID), true, "20 lines without the id of a question were ignored, the last"},
		"ids, each answer twice":     {loop(judgeID + `; echo "{\"id\":\"$id\",\"detected\":$f}"`), true, "were ignored"},
		"ids, others in between":     {loop(`echo '{"id":"other","detected":true}' >&2; ` + judgeID + `; echo '{"loss":0.1}'`), true, "were ignored"},
		"ids, two banners":           {"echo loading; " + loop("echo 50%; "+judgeID), true, "were ignored"},
		"ids from the third on":      {"n=0; " + loop(`n=$((n+1)); if [ $n -lt 3 ]; then echo "step $n"; fi; `+judgeID), true, "were ignored"},
		"ids, and a line at the end": {loop(judgeID) + "; echo done", true, "was ignored"},
	} {
		for _, concurrency := range []int{1, 3} {
			t.Run(fmt.Sprintf("%s, %d at a time", name, concurrency), func(t *testing.T) {
				t.Parallel()
				set := fires(20)
				log, report, notes := runCommand(t, set, concurrency, "sh", "-c", tc.script)
				flags := judged(t, log)
				mustBeRight(t, set, flags)
				if finished := report.Outcome == event.StopFinished && len(flags) == 20; finished != tc.finished && concurrency == 1 {
					t.Errorf("%+v, %d answers, %q", report, len(flags), notes)
				}
				if said := strings.Join(append(notes, report.Reason), "\n"); !strings.Contains(said, tc.says) && concurrency == 1 {
					t.Errorf("it says %q, want %q", said, tc.says)
				}
				if report.Outcome == event.StopFinished && len(flags) != 20 {
					t.Errorf("%d answers are left", len(flags))
				}
				if report.Outcome == event.StopFinished && report.Done != report.Total {
					t.Errorf("%+v", report)
				}
			})
		}
	}
}

// A program that is killed while it is out of step: a run that goes on asks again what
// was withdrawn.
func TestAWithdrawnQuestionIsAnotherAttempt(t *testing.T) {
	set := fires(6)
	log, _, _ := runCommand(t, set, 1, "sh", "-c", "n=0; "+loop(`n=$((n+1)); [ $n = 4 ] && echo warning; `+judge))
	last := make(map[string]int)
	for _, c := range of[event.CallStarted](t, log, event.TypeCallStarted) {
		if c.Attempt != last[c.Narrative]+1 {
			t.Errorf("attempt %d of %s comes after %d", c.Attempt, c.Narrative, last[c.Narrative])
		}
		last[c.Narrative] = c.Attempt
	}
	if n := len(of[event.CallWithdrawn](t, log, event.TypeCallWithdrawn)); n < 4 {
		t.Errorf("%d answers are withdrawn", n)
	}
}

// The programs of others that print lines too many.
func TestProgramsOfACorpus(t *testing.T) {
	root := os.Getenv("EXPLOG_REAL_DATA")
	python, err := exec.LookPath("python3")
	if root == "" || err != nil {
		t.Skip("EXPLOG_REAL_DATA is not set, or there is no python3: the programs are not run")
	}
	dir := filepath.Join(root, "cases", "command-lines")
	scripts, err := filepath.Glob(filepath.Join(dir, "*.py"))
	if err != nil || len(scripts) == 0 {
		t.Fatal(scripts, err)
	}
	for _, script := range scripts {
		for _, file := range []string{"n.csv", "n40.csv"} {
			t.Run(filepath.Base(script)+" "+file, func(t *testing.T) {
				t.Parallel()
				set, err := narrative.Read(filepath.Join(dir, file), narrative.Columns{})
				if err != nil {
					t.Fatal(err)
				}
				log, report, notes := runCommand(t, set, 1, python, script)
				flags := judged(t, log)
				mustBeRight(t, set, flags)
				t.Logf("%s, %d of %d answers: %q %s", report.Outcome, len(flags), len(set.Narratives), notes, report.Reason)
			})
		}
	}
}
