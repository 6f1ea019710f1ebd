package provider

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v4"
)

// RulesError lists everything that is wrong with a file of rules.
type RulesError struct {
	Faults []RulesFault // at least one, in the file's order
}

// RulesFault is one thing that is wrong, with its place.
type RulesFault struct {
	Line, Column int // from 1
	Problem      string
}

func (e *RulesError) Error() string {
	parts := make([]string, len(e.Faults))
	for i, f := range e.Faults {
		parts[i] = fmt.Sprintf("line %d, column %d: %s", f.Line, f.Column, f.Problem)
	}
	return strings.Join(parts, "; ")
}

// ParseRules reads rules from YAML:
//
//	threshold: 1.0                     # the score from which the answer is yes; default 1
//	negation:                          # none: every match counts
//	  words: [no, not, denies, no evidence of]
//	  window: 3                        # words before a match; default 3
//	keywords:
//	  - {term: "restraining order", weight: 1.0}
//	patterns:
//	  - {pattern: '(?i)\bhit (by|her|him)\b', weight: 0.5, name: assault}
//
// A weight is 1 where none is given, and may be below zero; a pattern without a name
// is named by its text. The error is a [RulesError] with all faults.
func ParseRules(data []byte) (*Rules, error) {
	root, err := parseYAML(data)
	if err != nil {
		return nil, err
	}
	var r rulesReader
	rules := &Rules{file: rulesFile{Threshold: 1, Window: 3, Keywords: []rulesEntry{}, Patterns: []rulesEntry{}}}
	r.mapping(root, map[string]func(*yaml.Node){
		"threshold": func(n *yaml.Node) { rules.file.Threshold = r.threshold(n) },
		"negation":  func(n *yaml.Node) { r.negation(n, rules) },
		"keywords":  func(n *yaml.Node) { r.list(n, func(n *yaml.Node) { r.keyword(n, rules) }) },
		"patterns":  func(n *yaml.Node) { r.list(n, func(n *yaml.Node) { r.pattern(n, rules) }) },
	})
	if len(r.faults) == 0 && len(rules.keywords)+len(rules.patterns) == 0 {
		r.fault(root, "there are neither keywords nor patterns")
	}
	if len(r.faults) > 0 {
		slices.SortStableFunc(r.faults, func(a, b RulesFault) int {
			return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
		})
		return nil, &RulesError{r.faults}
	}
	return rules, nil
}

// parseYAML returns the one value of a document.
func parseYAML(data []byte) (*yaml.Node, error) {
	data = bytes.TrimPrefix(data, []byte("\ufeff"))
	if !utf8.Valid(data) {
		valid := bytes.ToValidUTF8(data, []byte{0})
		return nil, faultAt(1+bytes.Count(valid[:bytes.IndexByte(valid, 0)], []byte{'\n'}), 1, "bytes that are not UTF-8")
	}
	loader, err := yaml.NewLoader(bytes.NewReader(data))
	if err != nil {
		return nil, yamlFault(err)
	}
	var root *yaml.Node
	for {
		var doc yaml.Node
		if err := loader.Load(&doc); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return nil, yamlFault(err)
		}
		switch {
		case len(doc.Content) == 0 || doc.Content[0].ShortTag() == "!!null":
		case root != nil:
			return nil, faultAt(doc.Content[0].Line, doc.Content[0].Column, "a second document; a file has one set of rules")
		default:
			root = doc.Content[0]
		}
	}
	if root == nil {
		return nil, faultAt(1, 1, "there is nothing in it")
	}
	return root, nil
}

func faultAt(line, column int, problem string) error {
	return &RulesError{[]RulesFault{{line, column, problem}}}
}

// yamlFault is the parser's error in our form.
func yamlFault(err error) error {
	var at *yaml.LoadError
	if errors.As(err, &at) {
		return faultAt(max(1, at.Mark.Line), max(1, at.Mark.Column), at.Message)
	}
	return faultAt(1, 1, err.Error())
}

// rulesReader takes the values of a file apart and gathers what is wrong.
type rulesReader struct {
	faults []RulesFault
}

func (r *rulesReader) fault(n *yaml.Node, format string, args ...any) {
	r.faults = append(r.faults, RulesFault{n.Line, n.Column, fmt.Sprintf(format, args...)})
}

// resolve returns what an alias stands for.
func resolve(n *yaml.Node) *yaml.Node {
	if n.Kind == yaml.AliasNode {
		return n.Alias
	}
	return n
}

// mapping hands each value to the reader of its key.
func (r *rulesReader) mapping(n *yaml.Node, keys map[string]func(*yaml.Node)) {
	m := resolve(n)
	if m.Kind != yaml.MappingNode {
		r.fault(n, "want %s", names(keys))
		return
	}
	seen := make(map[string]bool)
	for i := 0; i+1 < len(m.Content); i += 2 {
		key := m.Content[i].Value
		read, known := keys[key]
		switch {
		case seen[key]:
			r.fault(m.Content[i], "the key %q stands twice", key)
		case known:
			read(m.Content[i+1])
		default:
			r.fault(m.Content[i], "unknown key %q; there are %s", key, names(keys))
		}
		seen[key] = true
	}
}

// names lists keys.
func names(keys map[string]func(*yaml.Node)) string {
	list := make([]string, 0, len(keys))
	for k := range keys {
		list = append(list, k)
	}
	slices.Sort(list)
	return strings.Join(list, ", ")
}

// list hands on each element.
func (r *rulesReader) list(n *yaml.Node, read func(*yaml.Node)) {
	s := resolve(n)
	if s.Kind != yaml.SequenceNode {
		r.fault(n, "want a list")
		return
	}
	for _, v := range s.Content {
		read(v)
	}
}

// text returns a text that is not blank.
func (r *rulesReader) text(n *yaml.Node) string {
	v := resolve(n)
	if v.Kind != yaml.ScalarNode || v.ShortTag() != "!!str" {
		r.fault(n, "want a text; a number or a word such as true needs quotes")
		return ""
	}
	s := v.Value
	if strings.TrimSpace(s) == "" {
		r.fault(n, "want a text that is not blank")
	}
	return s
}

// number returns a finite number.
func (r *rulesReader) number(n *yaml.Node) float64 {
	if v := resolve(n); v.Kind == yaml.ScalarNode && v.ShortTag() != "!!str" {
		f, err := strconv.ParseFloat(v.Value, 64)
		if err == nil && !math.IsNaN(f) && !math.IsInf(f, 0) {
			return f
		}
	}
	r.fault(n, "want a number")
	return 1
}

func (r *rulesReader) threshold(n *yaml.Node) float64 {
	f := r.number(n)
	if f <= 0 {
		r.fault(n, "the threshold must be above 0, or every narrative would be over it")
	}
	return f
}

func (r *rulesReader) weight(n *yaml.Node) float64 {
	f := r.number(n)
	if f == 0 {
		r.fault(n, "a weight of 0 has no effect; take the entry out")
	}
	return f
}

func (r *rulesReader) negation(n *yaml.Node, rules *Rules) {
	r.mapping(n, map[string]func(*yaml.Node){
		"words": func(n *yaml.Node) {
			r.list(n, func(n *yaml.Node) {
				text := r.text(n)
				rules.file.Negations = append(rules.file.Negations, text)
				rules.negations = append(rules.negations, r.phrase(n, text))
			})
		},
		"window": func(n *yaml.Node) {
			f := r.number(n)
			if f < 1 || f > 1000 || f != math.Trunc(f) {
				r.fault(n, "want a whole number of words from 1 to 1000")
				return
			}
			rules.file.Window = int(f)
		},
	})
}

// phrase returns the words of a text, of which there must be one.
func (r *rulesReader) phrase(n *yaml.Node, text string) phrase {
	p := newPhrase(text)
	if len(p) == 0 && strings.TrimSpace(text) != "" {
		r.fault(n, "%q has no word", text)
	}
	return p
}

func (r *rulesReader) keyword(n *yaml.Node, rules *Rules) {
	k, given := keyword{rulesEntry: rulesEntry{Weight: 1}}, false
	r.mapping(n, map[string]func(*yaml.Node){
		"term": func(n *yaml.Node) {
			k.Text, given = r.text(n), true
			k.words = r.phrase(n, k.Text)
		},
		"weight": func(n *yaml.Node) { k.Weight = r.weight(n) },
	})
	if !given {
		r.fault(n, "the term is missing")
	}
	k.Name = k.Text
	rules.keywords = append(rules.keywords, k)
	rules.file.Keywords = append(rules.file.Keywords, k.rulesEntry)
}

func (r *rulesReader) pattern(n *yaml.Node, rules *Rules) {
	p, given := pattern{rulesEntry: rulesEntry{Weight: 1}}, false
	r.mapping(n, map[string]func(*yaml.Node){
		"pattern": func(n *yaml.Node) {
			p.Text, given = r.text(n), true
			p.re = r.expression(n, p.Text)
		},
		"weight": func(n *yaml.Node) { p.Weight = r.weight(n) },
		"name":   func(n *yaml.Node) { p.Name = r.text(n) },
	})
	if !given {
		r.fault(n, "the pattern is missing")
	}
	p.Name = cmp.Or(p.Name, p.Text)
	rules.patterns = append(rules.patterns, p)
	rules.file.Patterns = append(rules.file.Patterns, p.rulesEntry)
}

// expression compiles a regular expression that does not match just anything.
func (r *rulesReader) expression(n *yaml.Node, text string) *regexp.Regexp {
	re, err := regexp.Compile(text)
	switch {
	case err != nil:
		r.fault(n, "%v", err)
	case text != "" && re.MatchString(""):
		r.fault(n, "the pattern matches where nothing stands, so it matches every narrative")
	}
	return re
}
