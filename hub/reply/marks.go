package reply

import (
	"regexp"
	"slices"
	"strings"
)

// mark is something in a reply that is not part of what the model says: the edge of a
// thinking section, a token of a chat template, a tag around the answer.
type mark struct {
	kind  markKind
	shape string // which marks belong together: an end has the shape of its beginning
	name  string
	size  int // bytes
}

type markKind int

const (
	noMark       markKind = iota
	markOpens             // a thinking section begins
	markCloses            // a thinking section ends
	markFinal             // the final channel begins: what stands before is not the reply
	markStops             // the reply ends
	markBreaks            // a line break, for what follows
	markVanishes          // nothing
)

// The shapes of marks. A mark is at most markLength bytes long.
const (
	markLength = 200

	shapeTag      = "tag"
	shapeToken    = "token"
	shapeTriangle = "triangle"
	shapeBracket  = "bracket"
	shapeChannel  = "channel"
	shapeUnused   = "unused"
	shapeDetails  = "details"
)

var (
	tagMark      = lazily(`^<(/?)\s*([A-Za-z][\w:.-]*)(?:\s[^<>]*)?\s*/?>`)
	tokenMark    = lazily(`^<[|｜]\s*(/?)([\pL_][\pL\pN_▁:./-]*)\s*[|｜]>`)
	triangleMark = lazily(`^◁\s*(/?)([^◁▷]+)▷`)
	bracketMark  = lazily(`^\[(/?)([A-Za-z_]+)\]`)
	channelMark  = lazily(`^<\|channel\|>\s*(\w*)[^<]*(?:<\|constrain\|>[^<]*)?(?:<\|message\|>)?`)
	halfMark     = lazily(`^<\|channel>\s*\w*|^<unused94>\s*(?:thought\b)?`)
	detailsMark  = lazily(`^<details[^<>]*>\s*<summary[^<>]*>([^<>]*)</summary>`)
	roleMark     = lazily(`^\s*([a-z]+)`)
	endWord      = lazily(`(?i)^end[_▁]|[_▁]end$`)
	nameWord     = lazily(`[A-Z]?[a-z]+|[A-Z]+`)
)

// markAt returns the mark at the beginning of a text, which is one of < [ ◁.
func (p *Parser) markAt(text string) mark {
	head := text[:min(len(text), markLength)]
	switch {
	case text[0] == '[':
		return p.bracket(head)
	case text[0] != '<':
		return p.section(triangleMark(), shapeTriangle, head)
	}
	end := strings.IndexByte(head, '>') + 1
	switch {
	case end == 0:
		return mark{}
	case head[1] == '|' || strings.HasPrefix(head[1:], "｜"):
		return p.tokenAt(head, end)
	case head[1] == '/' || head[1] == ' ' || head[1]|0x20 >= 'a' && head[1]|0x20 <= 'z':
		return p.tagAt(head, end)
	}
	return mark{}
}

// tokenAt returns the mark that begins with <|. Its first part ends at end.
func (p *Parser) tokenAt(head string, end int) mark {
	if m := channelMark().FindStringSubmatch(head); m != nil {
		if strings.EqualFold(m[1], "final") {
			return mark{kind: markFinal, size: len(m[0])}
		}
		return mark{markOpens, shapeChannel, "", len(m[0])}
	}
	if size := len(halfMark().FindString(head)); size > 0 {
		return mark{markOpens, shapeUnused, "", size}
	}
	if m := p.section(tokenMark(), shapeToken, head[:end]); m.kind != noMark {
		return m
	}
	if m := tokenMark().FindStringSubmatch(head[:end]); m != nil {
		return token(m, head)
	}
	return mark{}
}

// tagAt returns the mark that begins as a tag does. Its first part ends at end.
func (p *Parser) tagAt(head string, end int) mark {
	switch head[:end] {
	case "<unused94>":
		return mark{markOpens, shapeUnused, "", len(halfMark().FindString(head))}
	case "<channel|>", "<unused95>":
		return mark{markCloses, shapeUnused, "", end}
	}
	if strings.HasPrefix(head, "<details") {
		if m := detailsMark().FindStringSubmatch(head); m != nil && p.isThought(m[1]) {
			return mark{markOpens, shapeDetails, "", len(m[0])}
		}
	}
	if m := p.section(tagMark(), shapeTag, head[:end]); m.kind != noMark {
		return m
	}
	return tag(head, end)
}

// bracket returns the mark [THINK] and its like. Brackets are frequent in prose and in
// links, so only a word for thinking that is written in capitals is a mark.
func (p *Parser) bracket(head string) mark {
	end := strings.IndexByte(head, ']') + 1
	if end == 0 {
		return mark{}
	}
	head = head[:end]
	m := p.section(bracketMark(), shapeBracket, head)
	if m.kind != noMark && m.name == strings.ToUpper(m.name) || slices.Contains(p.thinkTags(), strings.ToLower(m.name)) {
		return m
	}
	switch {
	case strings.HasPrefix(head, "[INST]"):
		return mark{kind: markStops, size: len("[INST]")}
	case strings.HasPrefix(head, "[/INST]"):
		return mark{kind: markBreaks, size: len("[/INST]")}
	}
	return mark{}
}

// section returns the edge of a thinking section that has the given form.
func (p *Parser) section(form *regexp.Regexp, shape, head string) mark {
	m := form.FindStringSubmatch(head)
	if m == nil || !p.isThought(m[2]) {
		return mark{}
	}
	kind := markOpens
	if m[1] == "/" || endWord().MatchString(m[2]) {
		kind = markCloses
	}
	return mark{kind, shape, m[2], len(m[0])}
}

// thoughtStems begin the words for thinking.
var thoughtStems = []string{
	"think", "thought", "reason", "reflect", "analy", "scratch", "monolog", "deliberat", "ponder", "brainstorm", "ruminat",
}

// isThought reports whether a name is one of a thinking section: one of its words is a
// word for thinking, as in seed:think, inner_monologue or antThinking.
func (p *Parser) isThought(name string) bool {
	if slices.Contains(p.thinkTags(), strings.ToLower(strings.TrimSpace(name))) {
		return true
	}
	for _, word := range nameWord().FindAllString(name, -1) {
		word = strings.ToLower(word)
		if word == "cot" || slices.ContainsFunc(thoughtStems, func(stem string) bool { return strings.HasPrefix(word, stem) }) {
			return true
		}
	}
	return false
}

// stopTokens end a reply. Names are compared without what is not a letter.
var stopTokens = []string{
	"eotid", "eomid", "imend", "end", "endoftext", "endofsentence", "endofturn", "endofturntoken", "eos", "eot", "return", "call", "user",
}

// roleTokens are followed by who speaks.
var roleTokens = []string{"imstart", "start", "startheaderid", "startofturn"}

// token returns what a token of a chat template means.
func token(m []string, head string) mark {
	size := len(m[0])
	switch name := letters(m[2]); {
	case slices.Contains(stopTokens, name):
		return mark{kind: markStops, size: size}
	case slices.Contains(roleTokens, name):
		return speaker(head, size)
	}
	return mark{kind: markBreaks, size: size}
}

// speaker returns the mark of a turn's beginning: a turn that is not the model's ends
// the reply.
func speaker(head string, size int) mark {
	role := roleMark().FindStringSubmatch(head[size:])
	switch {
	case role == nil:
		return mark{kind: markBreaks, size: size}
	case role[1] == "assistant" || role[1] == "model":
		return mark{kind: markBreaks, size: size + len(role[0])}
	}
	return mark{kind: markStops, size: size}
}

var (
	// answerTags stand around an answer.
	answerTags = []string{
		"answer", "finalanswer", "final", "verdict", "output", "response", "result", "conclusion", "json", "p", "br", "div", "pre", "li", "ul", "bos",
	}
	emphasisTags = []string{"b", "strong", "em", "i", "span", "code", "u"}
)

// tag returns what a tag means that is no edge of a thinking section.
func tag(head string, end int) mark {
	m := tagMark().FindStringSubmatch(head[:end])
	if m == nil {
		return mark{}
	}
	switch name := letters(m[2]); {
	case name == "s" && m[1] == "/", name == "eos", name == "endofturn", name == "eot":
		return mark{kind: markStops, size: len(m[0])}
	case name == "startofturn":
		return speaker(head, len(m[0]))
	case name == "s", slices.Contains(answerTags, name):
		return mark{kind: markBreaks, size: len(m[0])}
	case slices.Contains(emphasisTags, name):
		return mark{kind: markVanishes, size: len(m[0])}
	}
	return mark{}
}

// letters returns the letters of a name, in lower case.
func letters(name string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' {
			return r
		}
		return -1
	}, strings.ToLower(name))
}

// ends are the marks that end a section, by its shape, where the shape says it.
var ends = map[string][]string{
	shapeChannel: {"<|end|>", "<|start|>", "<|channel|>", "<|return|>"},
	shapeUnused:  {"<channel|>", "<unused95>"},
	shapeDetails: {"</details>"},
}

// sectionEnd returns where a section ends that was opened before at; -1: nowhere. The
// first end of the same name counts, or else the first that closes what is open.
func (w *walker) sectionEnd(opened mark, at int) int {
	if fixed := ends[opened.shape]; fixed != nil {
		return w.fixedEnd(opened.shape, fixed, at)
	}
	key := opened.shape + letters(opened.name)
	if !w.endless[key] {
		for pos, m := range w.marks(at, len(w.text)) {
			if m.kind == markCloses && m.shape == opened.shape && sameSection(m.name, opened.name) {
				return pos + m.size
			}
		}
		w.endless[key] = true
	}
	depth := 1
	for pos, m := range w.marks(at, len(w.text)) {
		switch {
		case m.shape != opened.shape:
		case m.kind == markOpens:
			depth++
		case m.kind == markCloses:
			if depth--; depth == 0 {
				return pos + m.size
			}
		}
	}
	return -1
}

// fixedEnd finds the first of the given ends. Another channel is not part of the end.
func (w *walker) fixedEnd(shape string, fixed []string, at int) int {
	first := -1
	for _, end := range fixed {
		if w.endless[end] {
			continue
		}
		i := strings.Index(w.text[at:], end)
		if i < 0 {
			w.endless[end] = true
			continue
		}
		i += at
		if shape != shapeChannel || end == "<|end|>" {
			i += len(end)
		}
		if first < 0 || i < first {
			first = i
		}
	}
	return first
}

// sameSection reports whether two names belong to one section: they are equal but for
// words such as begin and end.
func sameSection(a, b string) bool {
	core := func(name string) string {
		return strings.NewReplacer("beginof", "", "startof", "", "endof", "", "begin", "", "start", "", "end", "").Replace(letters(name))
	}
	return core(a) == core(b)
}
