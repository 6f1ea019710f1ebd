package provider

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"regexp"
	"sort"
	"strconv"
	"strings"
)

// Rules answer from weighted keywords and patterns, without any model.
//
// Each keyword and each pattern that a narrative has at least once adds its weight;
// from the threshold on the answer is yes. A keyword is one word or several in a
// row, whatever their case; a pattern is a regular expression of RE2. A match does
// not count where a negation stands before it: in the same sentence, ending at most
// window words before the match's first. The confidence of an answer is threshold
// and score set against each other: score / (score + threshold) for yes, and the
// rest to 1 for no, so that it is a half where they are equal.
//
// The answer has the form that a language model is asked for, and the same narrative
// always gets the same.
type Rules struct {
	file      rulesFile
	negations []phrase
	keywords  []keyword
	patterns  []pattern
}

// rulesFile is what a file of rules says, see [ParseRules].
type rulesFile struct {
	Threshold float64      `json:"threshold"`
	Negations []string     `json:"negations"`
	Window    int          `json:"window"`
	Keywords  []rulesEntry `json:"keywords"`
	Patterns  []rulesEntry `json:"patterns"`
}

// rulesEntry is a keyword or a pattern as written.
type rulesEntry struct {
	Text   string  `json:"text"`
	Name   string  `json:"name"` // in answers
	Weight float64 `json:"weight"`
}

type keyword struct {
	rulesEntry
	words phrase
}

type pattern struct {
	rulesEntry
	re *regexp.Regexp
}

// Close does nothing.
func (*Rules) Close() error { return nil }

// Identity returns what decides the answer: the rules and the narrative.
func (r *Rules) Identity(q Request) []byte {
	return identity(struct {
		Provider  string    `json:"provider"`
		Rules     rulesFile `json:"rules"`
		Narrative string    `json:"narrative"`
	}{"rules", r.file, q.Narrative})
}

// verdict is the form of a reply.
type verdict struct {
	Detected   bool     `json:"detected"`
	Confidence float64  `json:"confidence"`
	Indicators []string `json:"indicators"`
	Rationale  string   `json:"rationale"`
}

// Answer judges one narrative. It fails only where the context has ended.
func (r *Rules) Answer(ctx context.Context, q Request) (Answer, error) {
	if failed := ended(ctx, 0, "rules"); failed != nil {
		return Answer{}, failed
	}
	text, err := json.Marshal(r.judge(q.Narrative))
	if err != nil {
		return Answer{}, &Error{Kind: Fatal, Message: "rules: " + err.Error()}
	}
	return Answer{Text: string(text), Raw: text, Finish: Complete}, nil
}

// judge applies the rules to a text.
func (r *Rules) judge(text string) verdict {
	words := splitWords(text)
	var found, negated []rulesEntry
	note := func(e rulesEntry, asserted, denied bool) {
		switch {
		case asserted:
			found = append(found, e)
		case denied:
			negated = append(negated, e)
		}
	}
	for _, k := range r.keywords {
		asserted, denied := r.findKeyword(k, words)
		note(k.rulesEntry, asserted, denied)
	}
	for _, p := range r.patterns {
		asserted, denied := r.findPattern(p, text, words)
		note(p.rulesEntry, asserted, denied)
	}
	return r.verdict(found, negated)
}

// findKeyword reports whether a keyword stands in a text, and whether it stands
// there negated.
func (r *Rules) findKeyword(k keyword, words []textWord) (asserted, denied bool) {
	for i := range words {
		if k.words.at(words, i) {
			if !r.negated(words, i) {
				return true, denied
			}
			denied = true
		}
	}
	return false, denied
}

// findPattern does the same for a pattern.
func (r *Rules) findPattern(p pattern, text string, words []textWord) (asserted, denied bool) {
	for _, at := range p.re.FindAllStringIndex(text, -1) {
		first := sort.Search(len(words), func(i int) bool { return words[i].end > at[0] })
		if !r.negated(words, first) {
			return true, denied
		}
		denied = true
	}
	return false, denied
}

// negated reports whether a negation stands before words[i].
func (r *Rules) negated(words []textWord, i int) bool {
	if i == len(words) {
		return false
	}
	for last := i - 1; last >= max(0, i-r.file.Window) && words[last].sentence == words[i].sentence; last-- {
		for _, p := range r.negations {
			if p.at(words, last-len(p)+1) {
				return true
			}
		}
	}
	return false
}

// verdict puts what was found together.
func (r *Rules) verdict(found, negated []rulesEntry) verdict {
	v := verdict{Indicators: []string{}}
	score := 0.0
	for _, e := range found {
		score += e.Weight
		v.Indicators = append(v.Indicators, e.Name)
	}
	const rounding = 1e-9 // 0.7 + 0.2 + 0.1 is to reach 1
	v.Detected = score >= r.file.Threshold-rounding
	yes := max(0, score) / (max(0, score) + r.file.Threshold)
	if !v.Detected {
		yes = 1 - yes
	}
	v.Confidence = math.Round(yes*1000) / 1000
	v.Rationale = fmt.Sprintf("score %s, threshold %s", number(score), number(r.file.Threshold)) +
		listed("; found ", found) + listed("; negated: ", negated)
	return v
}

// listed names entries with their weights.
func listed(before string, entries []rulesEntry) string {
	if len(entries) == 0 {
		return ""
	}
	parts := make([]string, len(entries))
	for i, e := range entries {
		parts[i] = e.Name + " (" + number(e.Weight) + ")"
	}
	return before + strings.Join(parts, ", ")
}

// number prints a sum of weights without what binary fractions leave over.
func number(f float64) string {
	return strconv.FormatFloat(math.Round(f*1e6)/1e6, 'f', -1, 64)
}
