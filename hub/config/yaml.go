package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v4"
)

// reader reads one configuration. It gathers faults and goes on.
type reader struct {
	dir       string // what paths are relative to
	source    []byte // of the configuration, without a byte order mark
	lookupEnv func(string) (string, bool)
	faults    faults
	notes     []string
	mappings  map[*yaml.Node][]member // those that were taken apart
}

func newReader(dir string, lookupEnv func(string) (string, bool)) *reader {
	if lookupEnv == nil {
		lookupEnv = os.LookupEnv
	}
	return &reader{dir: dir, lookupEnv: lookupEnv, mappings: make(map[*yaml.Node][]member)}
}

func (r *reader) fault(at *yaml.Node, key, format string, args ...any) {
	r.faults = append(r.faults, Fault{at.Line, at.Column, key, fmt.Sprintf(format, args...)})
}

// document returns the root of the one YAML document; nil: there is none.
func (r *reader) document(data []byte) *yaml.Node {
	data = bytes.TrimPrefix(data, []byte(byteOrderMark))
	r.source = data
	if at := invalidUTF8(data); at >= 0 {
		r.fault(position(data, at), "", "bytes that are not UTF-8; was the file saved as Windows-1252 or UTF-16? "+
			"then save it as UTF-8, or convert it with iconv")
		return nil
	}
	loader, err := yaml.NewLoader(bytes.NewReader(data))
	if err != nil {
		r.syntaxFault(data, err)
		return nil
	}
	var root *yaml.Node
	for {
		var doc yaml.Node
		if err := loader.Load(&doc); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			r.syntaxFault(data, err)
			return nil
		}
		switch {
		case len(doc.Content) == 0 || isNull(doc.Content[0]):
		case root != nil:
			r.fault(doc.Content[0], "", "a second YAML document begins here (behind ---); want one")
			return root
		default:
			root = doc.Content[0]
		}
	}
	if root == nil {
		r.fault(&yaml.Node{}, "", "the file is empty; want a list of experiments")
	}
	return root
}

// syntaxFault adds what keeps the file from being YAML.
func (r *reader) syntaxFault(data []byte, err error) {
	var syntax *yaml.LoadError
	if !errors.As(err, &syntax) {
		r.fault(&yaml.Node{Line: 1, Column: 1}, "", "not YAML: %v", err)
		return
	}
	at := &yaml.Node{Line: syntax.Mark.Line, Column: syntax.Mark.Column}
	if at.Line == 0 { // of what is no text, the offset alone is known
		at = position(data, min(syntax.Mark.Index, len(data)))
	}
	r.fault(at, "", "not YAML: %s%s", syntax.Message, syntaxHint(data, syntax))
}

// syntaxHint says what to do about the faults that people make most.
func syntaxHint(data []byte, syntax *yaml.LoadError) string {
	next := byte(0)
	if lines := bytes.Split(data, []byte{'\n'}); syntax.Mark.Line > 0 && syntax.Mark.Line <= len(lines) {
		if rest := []rune(string(lines[syntax.Mark.Line-1])); syntax.Mark.Column <= len(rest) && syntax.Mark.Column > 0 {
			next = byte(rest[syntax.Mark.Column-1])
		}
	}
	switch {
	case next == '\t' || strings.Contains(syntax.Message, "tab"):
		return "; indent with spaces"
	case strings.Contains(syntax.Message, "cannot start any token"):
		return fmt.Sprintf("; put a text that begins with %c in quotes", next)
	case strings.Contains(syntax.Message, "mapping values are not allowed"):
		return `; is the line indented like those around it? a text with ": " in it must stand in quotes`
	}
	return ""
}

// member is a key of a mapping and its value, which is no alias.
type member struct {
	key, value *yaml.Node
}

// members takes a mapping apart: its own keys in their order, then what it merges
// (<<) and does not have itself. A key that stands twice is a fault.
func (r *reader) members(n *yaml.Node) []member {
	if list, done := r.mappings[n]; done {
		return list
	}
	r.mappings[n] = nil // a mapping that merges itself gains nothing
	var list []member
	var merged []*yaml.Node
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := resolve(n.Content[i]), resolve(n.Content[i+1])
		switch {
		case key.ShortTag() == "!!merge":
			merged = append(merged, value)
		case key.Kind != yaml.ScalarNode:
			r.fault(n.Content[i], "", "want a key, got %s", describe(key))
		default:
			if same := find(list, key.Value); same != nil {
				r.fault(n.Content[i], "", "the key %s stands on line %d already; delete one of them", quote(key.Value), same.key.Line)
				continue
			}
			list = append(list, member{key, value})
		}
	}
	for _, source := range merged {
		list = r.merge(list, source)
	}
	r.mappings[n] = list
	return list
}

// merge adds the members of a mapping, or of each of a list of mappings, that the
// list does not have.
func (r *reader) merge(list []member, source *yaml.Node) []member {
	sources := []*yaml.Node{source}
	if source.Kind == yaml.SequenceNode {
		sources = source.Content
	}
	for _, n := range sources {
		n = resolve(n)
		if n.Kind != yaml.MappingNode {
			r.fault(n, "<<", "want a mapping to merge, got %s", describe(n))
			continue
		}
		for _, m := range r.members(n) {
			if find(list, m.key.Value) == nil {
				list = append(list, m)
			}
		}
	}
	return list
}

func find(list []member, key string) *member {
	i := slices.IndexFunc(list, func(m member) bool { return m.key.Value == key })
	if i < 0 {
		return nil
	}
	return &list[i]
}

// resolve returns what an alias stands for.
func resolve(n *yaml.Node) *yaml.Node {
	if n.Kind == yaml.AliasNode {
		return n.Alias // an anchor is never on an alias
	}
	return n
}

func isNull(n *yaml.Node) bool { return n.Kind == yaml.ScalarNode && n.ShortTag() == "!!null" }

// describe says what a node is, for an error.
func describe(n *yaml.Node) string {
	switch n.Kind {
	case yaml.SequenceNode:
		return "a list"
	case yaml.MappingNode:
		return "a mapping"
	}
	switch n.ShortTag() {
	case "!!int", "!!float":
		return "the number " + n.Value
	case "!!bool":
		return n.Value
	case "!!null":
		return "nothing"
	}
	return "the text " + quote(n.Value)
}

const byteOrderMark = "\xEF\xBB\xBF"

// invalidUTF8 returns the index of the first byte that is not UTF-8, or -1.
func invalidUTF8(data []byte) int {
	for i := 0; i < len(data); {
		c, size := utf8.DecodeRune(data[i:])
		if c == utf8.RuneError && size == 1 {
			return i
		}
		i += size
	}
	return -1
}

// position returns the place of a byte, as a node.
func position(data []byte, at int) *yaml.Node {
	before := data[:at]
	return &yaml.Node{
		Line:   1 + bytes.Count(before, []byte{'\n'}),
		Column: 1 + utf8.RuneCount(before[bytes.LastIndexByte(before, '\n')+1:]),
	}
}
