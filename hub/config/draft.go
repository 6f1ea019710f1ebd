package config

import (
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"
)

// draft is an experiment as the file has it: its values are read, but nothing is
// compared with each other, with the disk or with the environment.
type draft struct {
	Experiment
	*reader
	at       *yaml.Node // where it begins
	settings map[string]setting
}

// setting is what a key is set to.
type setting struct {
	value     *yaml.Node
	inherited bool // from the defaults
}

// fault adds a fault about a key: where the key is set, or else where the
// experiment begins.
func (d *draft) fault(key, format string, args ...any) {
	at := d.at
	if s, set := d.settings[key]; set {
		at = s.value
	}
	d.reader.fault(at, key, format, args...)
}

// has reports whether a key is set, rightly or not.
func (d *draft) has(key string) bool {
	_, set := d.settings[key]
	return set
}

// parse reads the drafts of a file's experiments; with a name, of that one alone.
// It looks at bytes and environment variables, and of other files only at which there are.
func (r *reader) parse(data []byte, only string) []*draft {
	root := r.document(data)
	if root == nil {
		return nil
	}
	defaults, list := r.sections(root)
	var drafts []*draft
	lines := make(map[string]int) // where a name stood first
	for _, n := range list {
		at := n
		if n = resolve(n); n.Kind != yaml.MappingNode {
			r.fault(at, "", "want an experiment, a mapping with keys such as experiment_name; got %s", describe(n))
			continue
		}
		d := r.draft(n, defaults)
		d.at, d.Line = at, at.Line
		d.readName(lines)
		if only == "" || d.Name == only {
			drafts = append(drafts, d)
		}
	}
	if only != "" && len(drafts) == 0 {
		r.fault(&yaml.Node{}, "", "no experiment is called %s; there are %s", quote(only), names(lines))
	}
	for _, d := range drafts {
		d.read()
	}
	return drafts
}

// readName reads the name, which no experiment before it must have.
func (d *draft) readName(lines map[string]int) {
	const key = "experiment_name"
	s, set := d.settings[key]
	if !set {
		return
	}
	if d.Name = (value{d.reader, key, s.value}).line(); d.Name == "" {
		return
	}
	if first, taken := lines[d.Name]; taken {
		d.fault(key, "the experiment on line %d has the same name; names must differ", first)
		return
	}
	lines[d.Name] = d.Line
}

// names lists the names of a file's experiments.
func names(lines map[string]int) string {
	var list []string
	for name := range lines {
		list = append(list, quote(name))
	}
	slices.Sort(list)
	if list == nil {
		return "none"
	}
	return strings.Join(list, ", ")
}

// sections returns the members of the defaults and the list of experiments.
func (r *reader) sections(root *yaml.Node) (defaults []member, list []*yaml.Node) {
	experiments := root
	switch {
	case root.Kind == yaml.SequenceNode:
	case r.isStudy(root):
		r.fault(root, "", "this is one experiment in the sections %s; explog hub convert FILE makes a configuration of it", strings.Join(studySections, ", "))
		return nil, nil
	case root.Kind == yaml.MappingNode:
		defaults, experiments = r.topLevel(root)
	default:
		r.fault(root, "", "want a list of experiments, or a mapping with defaults and experiments; got %s", describe(root))
		return nil, nil
	}
	switch {
	case experiments == nil:
		return defaults, nil
	case experiments.Kind != yaml.SequenceNode:
		r.fault(experiments, "experiments", "want a list of experiments, each behind a dash; got %s", describe(experiments))
		return defaults, nil
	case len(experiments.Content) == 0:
		r.fault(experiments, "", "there are no experiments in the list")
	}
	return defaults, experiments.Content
}

// topLevel returns what stands under the two keys of a file that is a mapping.
func (r *reader) topLevel(root *yaml.Node) (defaults []member, experiments *yaml.Node) {
	found := false
	for _, m := range r.members(root) {
		switch name := m.key.Value; {
		case name == "experiments":
			found, experiments = true, m.value
		case name == "defaults" && m.value.Kind == yaml.MappingNode:
			defaults = r.members(m.value)
			r.refuseUnknown(defaults)
		case name == "defaults" && !isNull(m.value):
			r.fault(m.value, name, "want a mapping of keys to values, got %s", describe(m.value))
		case name == "defaults":
		case isKey(name):
			r.fault(m.key, name, "this is a key of an experiment: write it under defaults, or begin each experiment with a dash")
		default:
			r.fault(m.key, "", "unknown key %s; here stand defaults and experiments", quote(name))
		}
	}
	if !found {
		r.fault(root, "experiments", "the list of experiments is missing")
	}
	return defaults, experiments
}

// refuseUnknown adds a fault for each key that no experiment can have.
func (r *reader) refuseUnknown(list []member) {
	for _, m := range list {
		if isKey(m.key.Value) {
			continue
		}
		hint := ""
		if near := nearest(m.key.Value); near != "" {
			hint = "; did you mean " + near + "?"
		}
		r.fault(m.key, "", "unknown key %s%s", quote(m.key.Value), hint)
	}
}

// draft lays an experiment's own members over the defaults. Null takes a default
// away.
func (r *reader) draft(n *yaml.Node, defaults []member) *draft {
	d := &draft{reader: r, settings: make(map[string]setting)}
	for _, m := range defaults {
		d.settings[m.key.Value] = setting{m.value, true}
	}
	own := r.members(n)
	r.refuseUnknown(own)
	for _, m := range own {
		d.settings[m.key.Value] = setting{m.value, false}
	}
	for name, s := range d.settings {
		if isNull(s.value) {
			delete(d.settings, name)
		}
	}
	return d
}

// read reads the values of all keys behind the first, the name, which is read.
func (d *draft) read() {
	d.Concurrency, d.Timeout = DefaultConcurrency, DefaultTimeout
	d.MaxRetries, d.Repeats = DefaultMaxRetries, DefaultRepeats
	d.Command.Mode, d.Command.Input, d.Command.Dir = "lines", "json", d.dir
	for _, k := range keys[1:] {
		if s, set := d.settings[k.name]; set {
			k.read(&d.Experiment, value{d.reader, k.name, s.value})
		}
	}
}
