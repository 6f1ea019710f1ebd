package config

import (
	"bytes"
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v4"
)

// A study is a configuration in another form that is in use: a file for each experiment,
// a mapping of sections.
//
//	experiment: {name, author, notes}
//	model: {name, provider, api_url, temperature}
//	prompt: {version, system_prompt or system_prompt_file, user_template or user_template_file}
//	data: {file}
//	run: {seed, max_narratives, save_incremental, save_csv_json}

// studySections are its sections.
var studySections = []string{"experiment", "model", "prompt", "data", "run"}

// isStudy reports whether a mapping is a study and no configuration.
func (r *reader) isStudy(root *yaml.Node) bool {
	if root.Kind != yaml.MappingNode {
		return false
	}
	found := 0
	for _, m := range r.members(root) {
		if m.key.Value == "experiments" {
			return false
		}
		if slices.Contains(studySections, m.key.Value) && m.value.Kind == yaml.MappingNode {
			found++
		}
	}
	return found >= 2
}

// Converter turns studies into one configuration.
type Converter struct {
	list  []*yaml.Node // experiments
	names map[string]bool
}

// Add adds a study. It returns what it could not take over as it is, a line each; the
// configuration has these as comments.
//
// The error is an [InvalidError] if the file is no study.
func (c *Converter) Add(path string, data []byte) (notes []string, err error) {
	r := newReader("", nil)
	root := r.document(data)
	if root != nil && !r.isStudy(root) {
		r.fault(root, "", "want a mapping with the sections %s", strings.Join(studySections, ", "))
	}
	if err := r.faults.err(path); err != nil {
		return nil, err
	}
	s := study{reader: r, node: &yaml.Node{Kind: yaml.MappingNode}, has: make(map[string]bool)}
	for _, section := range r.members(root) {
		s.section(section)
	}
	s.finish(path, c)
	if err := r.faults.err(path); err != nil {
		return nil, err
	}
	c.list = append(c.list, s.node)
	return s.notes, nil
}

// YAML returns the configuration.
func (c *Converter) YAML() ([]byte, error) {
	var b bytes.Buffer
	b.WriteString("# Experiments, converted by explog hub convert. Relative paths start at the folder of\n" +
		"# this file, else at its parent folder.\n")
	enc := yaml.NewEncoder(&b)
	enc.SetIndent(2)
	if err := enc.Encode(&yaml.Node{Kind: yaml.SequenceNode, Content: c.list}); err != nil {
		return nil, fmt.Errorf("write YAML: %w", err)
	}
	return b.Bytes(), enc.Close()
}

const nextLine = "\u0085"

// study is one that is being converted.
type study struct {
	*reader
	node     *yaml.Node // the experiment
	notes    []string
	has      map[string]bool // keys that the experiment has
	protocol string          // ProviderOpenAI or ProviderAnthropic; empty: not known yet
}

// set gives the experiment a key.
func (s *study) set(key string, value *yaml.Node) {
	if s.has[key] {
		s.note("%s is there twice; the first was taken", key)
		return
	}
	s.has[key] = true
	if strings.Contains(value.Value, nextLine) {
		s.fault(value, key, "the character U+0085 is a line break in YAML and cannot be converted; delete it, or put the text into a file")
	}
	plain := &yaml.Node{Kind: value.Kind, Tag: value.Tag, Value: value.Value, Content: value.Content, Style: value.Style}
	if strings.Contains(plain.Value, "\n") {
		plain.Style = yaml.LiteralStyle
	}
	s.node.Content = append(s.node.Content, textNode(key), plain)
}

func textNode(text string) *yaml.Node {
	return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: text}
}

func (s *study) note(format string, args ...any) {
	s.notes = append(s.notes, fmt.Sprintf(format, args...))
}

// studyKeys says which key of an experiment a key of a study is. The rest is in special.
var studyKeys = map[string]string{
	"experiment.name": "experiment_name", "experiment.author": "author", "experiment.notes": "notes",
	"model.name": "model_name", "model.temperature": "temperature", "model.max_tokens": "max_tokens",
	"prompt.version": "prompt_version", "prompt.system_prompt": "prompt", "prompt.system_prompt_file": "prompt_file",
	"prompt.user_template": "user_template", "prompt.user_template_file": "user_template_file",
	"data.file": "narratives", "data.max_narratives": "limit", "run.max_narratives": "limit",
}

// mainKeys are the keys that a section without keys of its own gives, as in model: NAME.
var mainKeys = map[string]string{
	"experiment": "experiment.name", "model": "model.name", "prompt": "prompt.system_prompt", "data": "data.file",
}

// section converts a section.
func (s *study) section(section member) {
	name := section.key.Value
	if section.value.Kind != yaml.MappingNode {
		s.key(cmp.Or(mainKeys[name], name), section)
		return
	}
	for _, m := range s.members(section.value) {
		s.key(name+"."+m.key.Value, m)
	}
}

// key converts a key of a section.
func (s *study) key(name string, m member) {
	ours, known := studyKeys[name]
	if _, own, _ := strings.Cut(name, "."); !known && isKey(own) && own != "seed" && own != "provider" {
		ours, known = own, true // as text_column, which the authors may have added
	}
	switch {
	case isNull(m.value):
	case known && isText(ours) && m.value.Kind == yaml.ScalarNode:
		s.set(ours, &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: m.value.Value, Style: m.value.Style})
	case known:
		s.set(ours, m.value)
	default:
		s.special(name, m.value)
	}
}

// isText reports whether a key takes a text, where a study may have a number.
func isText(key string) bool {
	return slices.Contains([]string{"experiment_name", "author", "notes", "model_name", "prompt_version"}, key)
}

// secretName is the name of a key whose value is not to be shown.
var secretName = regexp.MustCompile(`(?i)secret|password|apikey|(^|[^a-z])(key|token)([^a-z]|$)`)

// special converts what has another meaning, or none.
func (s *study) special(name string, value *yaml.Node) {
	if secretName.MatchString(name) {
		s.note("not converted: %s: put it into an environment variable that api_key_env names", name)
		return
	}
	switch name {
	case "model.provider":
		s.provider(value.Value)
	case "model.api_url":
		s.url(value.Value)
	case "run.seed":
		s.note("not converted: run.seed: %s. It seeds the program, not the model; write seed: %s to send it to the server", value.Value, value.Value)
	case "run.save_incremental", "run.save_csv_json":
		// Every reply is saved when it comes, and hub export writes CSV and JSON.
	default:
		text := value.Value
		if value.Kind != yaml.ScalarNode {
			text = describe(value)
		}
		s.note("not converted: %s: %s", name, oneLine(text))
	}
}

// provider converts the name of a provider. Those that explog does not know speak the
// protocol of OpenAI: that is what api_url is for.
func (s *study) provider(name string) {
	ours := strings.ToLower(strings.TrimSpace(name))
	if ours != ProviderOpenAI && ours != ProviderAnthropic {
		s.note("provider %s is now openai, whose protocol it speaks, at base_url", oneLine(name))
		ours = ProviderOpenAI
	}
	s.protocol = ours
	s.set("provider", textNode(ours))
}

// url converts the address of a server, without what explog adds to it.
func (s *study) url(address string) {
	base := strings.TrimRight(strings.TrimSpace(address), "/")
	for _, end := range []string{"/chat/completions", "/messages"} {
		base = strings.TrimSuffix(base, end)
	}
	s.set("base_url", textNode(base))
}

// finish adds what every experiment needs, and the comment.
func (s *study) finish(path string, c *Converter) {
	if s.protocol == "" {
		s.note("no provider is named: openai is used")
		s.protocol = ProviderOpenAI
		s.set("provider", textNode(ProviderOpenAI))
	}
	if s.protocol == ProviderOpenAI && !s.has["response_format"] {
		s.set("response_format", textNode("none")) // studies do not ask for a format
	}
	s.name(path, c)
	s.dollars()
	comment := "From " + oneLine(path)
	for _, n := range s.notes {
		comment += "\n" + n
	}
	s.node.HeadComment = "# " + strings.ReplaceAll(comment, "\n", "\n# ")
}

// name sees that the experiment has a name that no other has.
func (s *study) name(path string, c *Converter) {
	if c.names == nil {
		c.names = make(map[string]bool)
	}
	for i := 0; i+1 < len(s.node.Content); i += 2 {
		if s.node.Content[i].Value != "experiment_name" {
			continue
		}
		value := s.node.Content[i+1]
		for n, plain := 2, value.Value; c.names[value.Value]; n++ {
			value.Value = plain + " (" + strconv.Itoa(n) + ")"
		}
		c.names[value.Value] = true
		return
	}
	s.note("no name is given: the file's name is used")
	s.set("experiment_name", textNode(oneLine(path)))
}

// variable is an environment variable as the other form may have it, and this has not.
var variable = regexp.MustCompile(`\$[A-Za-z_][A-Za-z0-9_]*`)

// dollars tells of variables that this form does not expand.
func (s *study) dollars() {
	for i := 0; i+1 < len(s.node.Content); i += 2 {
		if found := variable.FindString(s.node.Content[i+1].Value); found != "" {
			s.note("%s has %s: write ${%s} if that is an environment variable", s.node.Content[i].Value, found, found[1:])
		}
	}
}

// oneLine is a text for a comment.
func oneLine(text string) string {
	return strings.Join(strings.Fields(text), " ")
}
