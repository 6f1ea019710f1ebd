package provider

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
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
	r := rulesReader{anchors: make(map[string]ast.Node)}
	rules := &Rules{file: rulesFile{Threshold: 1, Window: 3, Keywords: []rulesEntry{}, Patterns: []rulesEntry{}}}
	r.mapping(root, map[string]func(ast.Node){
		"threshold": func(n ast.Node) { rules.file.Threshold = r.threshold(n) },
		"negation":  func(n ast.Node) { r.negation(n, rules) },
		"keywords":  func(n ast.Node) { r.list(n, func(n ast.Node) { r.keyword(n, rules) }) },
		"patterns":  func(n ast.Node) { r.list(n, func(n ast.Node) { r.pattern(n, rules) }) },
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
func parseYAML(data []byte) (root ast.Node, err error) {
	text := strings.TrimPrefix(string(data), "\ufeff")
	if !utf8.ValidString(text) {
		valid := strings.ToValidUTF8(text, "\x00")
		return nil, faultAt(1+strings.Count(valid[:strings.IndexByte(valid, 0)], "\n"), 1, "bytes that are not UTF-8")
	}
	file, err := parser.ParseBytes([]byte(text), 0)
	if err != nil {
		return nil, yamlFault(err)
	}
	for _, doc := range file.Docs {
		switch doc.Body.(type) {
		case nil, *ast.DirectiveNode, *ast.CommentGroupNode:
			continue
		}
		if root != nil {
			line, column := place(doc.Body)
			return nil, faultAt(line, column, "a second document; a file has one set of rules")
		}
		root = doc.Body
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
	var at yaml.Error
	if errors.As(err, &at) && at.GetToken() != nil {
		p := at.GetToken().Position
		return faultAt(p.Line, p.Column, at.GetMessage())
	}
	return faultAt(1, 1, err.Error())
}

// place returns where a value begins.
func place(n ast.Node) (line, column int) {
	token := n.GetToken()
	if m, is := n.(*ast.MappingNode); is && !m.IsFlowStyle && len(m.Values) > 0 {
		token = m.Values[0].Key.GetToken() // its own is the first colon
	}
	if token == nil {
		return 1, 1
	}
	return token.Position.Line, token.Position.Column
}

// rulesReader takes the values of a file apart and gathers what is wrong.
type rulesReader struct {
	anchors map[string]ast.Node
	faults  []RulesFault
}

func (r *rulesReader) fault(n ast.Node, format string, args ...any) {
	line, column := place(n)
	r.faults = append(r.faults, RulesFault{line, column, fmt.Sprintf(format, args...)})
}

// resolve follows anchors, aliases and tags to the value.
func (r *rulesReader) resolve(n ast.Node) ast.Node {
	switch v := n.(type) {
	case *ast.AnchorNode:
		r.anchors[v.Name.String()] = v.Value
		return r.resolve(v.Value)
	case *ast.AliasNode:
		return r.anchors[v.Value.String()] // nil: no such anchor before it
	case *ast.TagNode:
		return r.resolve(v.Value)
	}
	return n
}

// mapping hands each value to the reader of its key.
func (r *rulesReader) mapping(n ast.Node, keys map[string]func(ast.Node)) {
	var values []*ast.MappingValueNode
	switch v := r.resolve(n).(type) {
	case *ast.MappingNode:
		values = v.Values
	case *ast.MappingValueNode:
		values = []*ast.MappingValueNode{v}
	default:
		r.fault(n, "want %s", names(keys))
		return
	}
	for _, v := range values {
		key := v.Key.GetToken().Value
		if read, known := keys[key]; known {
			read(v.Value)
		} else {
			r.fault(v.Key, "unknown key %q; there are %s", key, names(keys))
		}
	}
}

// names lists keys.
func names(keys map[string]func(ast.Node)) string {
	list := make([]string, 0, len(keys))
	for k := range keys {
		list = append(list, k)
	}
	slices.Sort(list)
	return strings.Join(list, ", ")
}

// list hands on each element.
func (r *rulesReader) list(n ast.Node, read func(ast.Node)) {
	s, is := r.resolve(n).(*ast.SequenceNode)
	if !is {
		r.fault(n, "want a list")
		return
	}
	for _, v := range s.Values {
		read(v)
	}
}

// text returns a text that is not blank.
func (r *rulesReader) text(n ast.Node) string {
	var s string
	switch v := r.resolve(n).(type) {
	case *ast.StringNode:
		s = v.Value
	case *ast.LiteralNode:
		s = v.Value.Value
	default:
		r.fault(n, "want a text; a number or a word such as true needs quotes")
		return ""
	}
	if strings.TrimSpace(s) == "" {
		r.fault(n, "want a text that is not blank")
	}
	return s
}

// number returns a finite number.
func (r *rulesReader) number(n ast.Node) float64 {
	if v := r.resolve(n); v != nil && v.GetToken() != nil {
		f, err := strconv.ParseFloat(v.GetToken().Value, 64)
		if err == nil && !math.IsNaN(f) && !math.IsInf(f, 0) {
			return f
		}
	}
	r.fault(n, "want a number")
	return 1
}

func (r *rulesReader) threshold(n ast.Node) float64 {
	f := r.number(n)
	if f <= 0 {
		r.fault(n, "the threshold must be above 0, or every narrative would be over it")
	}
	return f
}

func (r *rulesReader) weight(n ast.Node) float64 {
	f := r.number(n)
	if f == 0 {
		r.fault(n, "a weight of 0 has no effect; take the entry out")
	}
	return f
}

func (r *rulesReader) negation(n ast.Node, rules *Rules) {
	r.mapping(n, map[string]func(ast.Node){
		"words": func(n ast.Node) {
			r.list(n, func(n ast.Node) {
				text := r.text(n)
				rules.file.Negations = append(rules.file.Negations, text)
				rules.negations = append(rules.negations, r.phrase(n, text))
			})
		},
		"window": func(n ast.Node) {
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
func (r *rulesReader) phrase(n ast.Node, text string) phrase {
	p := newPhrase(text)
	if len(p) == 0 && strings.TrimSpace(text) != "" {
		r.fault(n, "%q has no word", text)
	}
	return p
}

func (r *rulesReader) keyword(n ast.Node, rules *Rules) {
	k, given := keyword{rulesEntry: rulesEntry{Weight: 1}}, false
	r.mapping(n, map[string]func(ast.Node){
		"term": func(n ast.Node) {
			k.Text, given = r.text(n), true
			k.words = r.phrase(n, k.Text)
		},
		"weight": func(n ast.Node) { k.Weight = r.weight(n) },
	})
	if !given {
		r.fault(n, "the term is missing")
	}
	k.Name = k.Text
	rules.keywords = append(rules.keywords, k)
	rules.file.Keywords = append(rules.file.Keywords, k.rulesEntry)
}

func (r *rulesReader) pattern(n ast.Node, rules *Rules) {
	p, given := pattern{rulesEntry: rulesEntry{Weight: 1}}, false
	r.mapping(n, map[string]func(ast.Node){
		"pattern": func(n ast.Node) {
			p.Text, given = r.text(n), true
			p.re = r.expression(n, p.Text)
		},
		"weight": func(n ast.Node) { p.Weight = r.weight(n) },
		"name":   func(n ast.Node) { p.Name = r.text(n) },
	})
	if !given {
		r.fault(n, "the pattern is missing")
	}
	p.Name = cmp.Or(p.Name, p.Text)
	rules.patterns = append(rules.patterns, p)
	rules.file.Patterns = append(rules.file.Patterns, p.rulesEntry)
}

// expression compiles a regular expression that does not match just anything.
func (r *rulesReader) expression(n ast.Node, text string) *regexp.Regexp {
	re, err := regexp.Compile(text)
	switch {
	case err != nil:
		r.fault(n, "%v", err)
	case text != "" && re.MatchString(""):
		r.fault(n, "the pattern matches where nothing stands, so it matches every narrative")
	}
	return re
}
