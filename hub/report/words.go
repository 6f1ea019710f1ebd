package report

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
)

// Fact is one line of what is known of an experiment beside its measures.
type Fact struct{ Name, Text string }

// Facts lists what is known of an experiment beside its measures, in plain text.
// Names and reasons in it are as somebody else wrote them.
func (s Summary) Facts() []Fact {
	facts := []Fact{{"status", s.Status}}
	if s.Reason != "" {
		facts[0].Text += ": " + s.Reason
	}
	if s.Author != "" {
		facts = append(facts, Fact{"author", s.Author})
	}
	facts = append(facts, Fact{"model", fmt.Sprintf("%s (%s)", s.Model, s.Provider)})
	facts = append(facts, Fact{"asked", s.asked()}, Fact{"manual flags", s.flags()},
		Fact{"outcomes", s.Outcomes.String()}, Fact{"coverage", s.covered()})
	if !s.Started.IsZero() {
		facts = append(facts, Fact{"time", s.times()})
	}
	facts = append(facts, Fact{"calls", s.called()})
	if s.InputTokens > 0 || s.OutputTokens > 0 {
		facts = append(facts, Fact{"tokens", fmt.Sprintf("%d in, %d out", s.InputTokens, s.OutputTokens)})
	}
	return append(facts, Fact{"cost", s.CostText()})
}

// ParametersText lists the parameters, a line for each, in the order of their names. A
// text of several lines stands below its name. It is empty where there are none.
func (s Summary) ParametersText() string {
	var parameters map[string]json.RawMessage
	if err := json.Unmarshal(s.Parameters, &parameters); err != nil {
		return string(s.Parameters)
	}
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(parameters)) {
		var text string
		switch err := json.Unmarshal(parameters[name], &text); {
		case err != nil:
			fmt.Fprintf(&b, "%s: %s\n", name, parameters[name])
		case strings.Contains(text, "\n"):
			fmt.Fprintf(&b, "%s:\n  %s\n", name, strings.ReplaceAll(strings.TrimRight(text, "\n"), "\n", "\n  "))
		default:
			fmt.Fprintf(&b, "%s: %s\n", name, text)
		}
	}
	return b.String()
}

func (s Summary) asked() string {
	if s.Repeats > 1 {
		return fmt.Sprintf("%d narratives, %d times each: %d answers, each a row of the matrix", s.Total/s.Repeats, s.Repeats, s.Total)
	}
	return plural(s.Total, "narrative")
}

func (s Summary) flags() string {
	text := fmt.Sprintf("%d of %d, %d of them TRUE", s.Labelled, s.Total, s.ManualTrue)
	if s.Label != "" {
		text += "; column " + s.Label
	}
	return text
}

func (s Summary) covered() string {
	if reason := s.Coverage.Reason(); reason != "" {
		return "n/a (" + reason + ")"
	}
	share, _ := s.Coverage.Float64()
	return fmt.Sprintf("%s %% (%d of %d with a manual flag have a usable answer)", percent(share), s.Matrix.N(), s.Labelled)
}

func (s Summary) times() string {
	text := instant(s.Started)
	if s.Ended.IsZero() {
		return text + ", no end logged"
	}
	return text + " to " + instant(s.Ended)
}

func (s Summary) called() string {
	text := strconv.Itoa(s.Calls)
	if s.MeanLatency > 0 {
		text += ", " + time.Duration(s.MeanLatency*float64(time.Second)).Round(10*time.Microsecond).String() + " each"
	}
	if s.PossiblyBilled > 0 {
		text += fmt.Sprintf("; %d without an end, possibly billed", s.PossiblyBilled)
	}
	return text
}

// CostText returns the cost in US dollars, or unknown.
func (s Summary) CostText() string {
	if s.Cost == nil {
		return "unknown"
	}
	if *s.Cost >= 1 {
		return fmt.Sprintf("$%.2f", *s.Cost)
	}
	return fmt.Sprintf("$%.4f", *s.Cost)
}

// String lists the outcomes that came up, as in "70 ok, 2 unparsed".
func (o Outcomes) String() string {
	var parts []string
	for _, outcome := range o.List() {
		parts = append(parts, fmt.Sprintf("%d %s", outcome.Count, strings.ReplaceAll(string(outcome.Name), "_", " ")))
	}
	if parts == nil {
		return "none"
	}
	return strings.Join(parts, ", ")
}

// Headline says in a sentence or two what a list of experiments is, and whether its
// ranks compare.
func Headline(list []Summary) string {
	if len(list) == 0 {
		return "No experiments."
	}
	text := plural(len(list), "experiment") + ", best first by F1. Intervals are Wilson's, 95 %."
	for _, s := range list {
		if s.Label != list[0].Label || s.Total*list[0].Repeats != list[0].Total*s.Repeats {
			return text + " Not all of them ran over the same narratives and flags: explog hub compare pairs what two of them have in common."
		}
	}
	return text
}

// visible turns control characters, and the marks that reorder text, into visible
// escapes. Tabs and ends of lines stay.
func visible(s string) string {
	var b strings.Builder
	for _, r := range s {
		if unicode.IsControl(r) && r != '\t' && r != '\n' || unicode.Is(unicode.Bidi_Control, r) {
			fmt.Fprintf(&b, "\\u%04x", r)
		} else {
			b.WriteRune(r)
		}
	}
	return b.String()
}

func instant(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format("2006-01-02T15:04:05Z")
}

// percent returns a share in percent with one decimal. Only all of it is 100, and
// only nothing 0.
func percent(share float64) string {
	switch p := 100 * share; {
	case share < 1 && p > 99.9:
		return "99.9"
	case share > 0 && p < 0.1:
		return "0.1"
	default:
		return strings.TrimSuffix(strconv.FormatFloat(p, 'f', 1, 64), ".0")
	}
}

func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
