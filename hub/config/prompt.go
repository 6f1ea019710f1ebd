package config

import (
	"bytes"
	"cmp"
	"fmt"
	"regexp"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v4"

	"github.com/explog/explog/event"
)

// prompt is the text of a prompt, and where it is written.
type prompt struct {
	key  string // that has it
	path string // the file with the text; empty: it is in the configuration
	node *yaml.Node
	text string
}

// completePrompt reads the system message and the template of the user message. A
// system message with a placeholder, without a template, is the template.
func (d *draft) completePrompt() {
	system, given := d.readPrompt("prompt", "prompt_file", d.Prompt, d.PromptFile)
	if !given {
		d.fault("prompt_file", "the key is missing")
	}
	user, hasUser := d.readPrompt("user_template", "user_template_file", d.UserTemplate, d.UserTemplateFile)
	d.Prompt, d.UserTemplate = system.text, user.text
	switch {
	case hasUser:
		d.checkSystem(system)
		d.checkTemplate(user)
	case d.checkTemplate(system):
		d.Prompt, d.UserTemplate, d.PromptIsTemplate = "", system.text, true
	}
	d.PromptLiteral = cmp.Or(literalPlaceholder(d.Prompt), literalPlaceholder(d.UserTemplate))
	if t, ok := event.ParseTemplate(d.UserTemplate); ok && t.IsPlain() {
		d.UserTemplate, d.PromptIsTemplate = "", false // what is sent without a template
	}
}

// readPrompt reads a text that one key has, or a file that another names. Where one of
// them is a default, the other takes its place. It returns false if neither is set.
func (d *draft) readPrompt(inline, file, text, path string) (p prompt, given bool) {
	own, ownFile := d.settings[inline], d.settings[file]
	switch {
	case !d.has(inline) && !d.has(file):
		return prompt{}, false
	case d.has(inline) && d.has(file) && own.inherited == ownFile.inherited:
		d.fault(inline, "both %s and %s are set; delete one of them", inline, file)
	case d.has(inline) && (!d.has(file) || ownFile.inherited):
		if text == "" && own.value.Kind == yaml.ScalarNode && own.value.Value == "" {
			d.fault(inline, "want a text, got a blank one")
		}
		return prompt{key: inline, node: own.value, text: text}, true
	default:
		return prompt{key: file, path: path, node: ownFile.value, text: string(d.content(file, path))}, true
	}
	return prompt{}, true
}

// checkTemplate adds a fault for each placeholder that is unknown, or one too many. For
// a user template, none is a fault too. It reports whether there is exactly one.
func (d *draft) checkTemplate(p prompt) bool {
	known, faults := 0, 0
	for _, h := range event.Placeholders(p.text) {
		switch {
		case !h.Known:
			faults++
			d.unknown(p, h)
		case known > 0:
			faults++
			d.promptFault(p, h, "a second placeholder for the narrative, %s; want exactly one. "+
				"Braces with a space in them, { text }, are sent as they are", quote(h.Token))
		default:
			known++
		}
	}
	if known == 0 && faults == 0 && p.text != "" && strings.HasPrefix(p.key, "user_template") {
		d.fault(p.key, "there is no {{text}} for the narrative%s", nearestPlaceholder(p.text))
	}
	return known == 1 && faults == 0
}

// checkSystem adds a fault for each placeholder of a system message beside a template.
func (d *draft) checkSystem(p prompt) {
	for _, h := range event.Placeholders(p.text) {
		if h.Known {
			d.promptFault(p, h, "the placeholder %s in the system message: the narrative is inserted in the user_template alone; delete one of them", quote(h.Token))
		} else {
			d.unknown(p, h)
		}
	}
}

// unknown adds the fault of an unknown placeholder.
func (d *draft) unknown(p prompt, h event.Placeholder) {
	hint := ""
	switch name := strings.ToLower(strings.Trim(h.Token, "{}<> \t\n")); {
	case name == "text" || strings.Contains(name, "narrative"):
		hint = "; did you mean {{text}}?"
	case strings.Contains(h.Token, `"`):
		hint = "; write JSON with single braces: doubled ones would be sent as they are"
	}
	d.promptFault(p, h, "unknown placeholder %s; the narrative is inserted at {{text}}%s", quote(h.Token), hint)
}

// promptFault adds a fault at a place of a prompt.
func (d *draft) promptFault(p prompt, h event.Placeholder, format string, args ...any) {
	problem := fmt.Sprintf(format, args...)
	if p.path != "" {
		at := position([]byte(p.text), h.Offset)
		d.reader.fault(p.node, p.key, "%s:%d:%d: %s", p.path, at.Line, at.Column, problem)
		return
	}
	d.reader.fault(d.within(p, h), p.key, "%s", problem)
}

// within returns where in the configuration a placeholder is written. It is found by
// its first line: indentation, folding and quotes change what is around it.
func (d *draft) within(p prompt, h event.Placeholder) *yaml.Node {
	token, _, _ := strings.Cut(h.Token, "\n")
	at := offset(d.source, p.node)
	for range 1 + strings.Count(p.text[:h.Offset], token) {
		next := bytes.Index(d.source[at:], []byte(token))
		if next < 0 {
			return p.node // an environment variable has it
		}
		at += next + len(token)
	}
	return position(d.source, at-len(token))
}

// offset returns the byte at which a node begins; it is the inverse of [position].
func offset(data []byte, n *yaml.Node) int {
	at := 0
	for range n.Line - 1 {
		next := bytes.IndexByte(data[at:], '\n')
		if next < 0 {
			return at
		}
		at += next + 1
	}
	for column := 1; column < n.Column && at < len(data); column++ {
		_, size := utf8.DecodeRune(data[at:])
		at += size
	}
	return at
}

// looksInserted is what other programs insert texts at.
var looksInserted = regexp.MustCompile(`\$?\{ ?[A-Za-z_][A-Za-z_.]* ?\}|<{1,2}[A-Z_]+>{1,2}|\[[A-Z_]+\]|%s`)

// nearestPlaceholder says which part of a text without a placeholder may be meant as one.
func nearestPlaceholder(text string) string {
	if found := looksInserted.FindString(text); found != "" {
		return fmt.Sprintf("; should it be in the place of %s?", quote(found))
	}
	return ""
}

// literalPlaceholder returns what another program may insert the narrative at, and is sent
// as it is; empty: there is nothing. Tags around a text are not meant.
func literalPlaceholder(prompt string) string {
	for _, at := range looksInserted.FindAllStringIndex(prompt, -1) {
		found := prompt[at[0]:at[1]]
		name := strings.ToLower(strings.Trim(found, "${}<>[]"))
		about := name == "text" || strings.HasPrefix(name, "narrative")
		tag := strings.HasPrefix(found, "<") && (strings.HasPrefix(found, "<<") || strings.Contains(prompt, "</"+found[1:]))
		if about && !tag && len(event.Placeholders(found)) == 0 {
			return found
		}
	}
	return ""
}
