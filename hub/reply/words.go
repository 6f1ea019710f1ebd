package reply

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"unicode"
)

// Parser reads replies. The zero value knows the words and marks that are common to all
// models. It may be used from many goroutines, and must not be copied.
type Parser struct {
	// Positive and Negative are further words for yes and no, compared without case and
	// the punctuation around them. They go before yes, no, true and false.
	Positive, Negative []string
	// ThinkTags are further names of thinking sections, in any case.
	ThinkTags []string

	once sync.Once
	tags []string        // ThinkTags as they are compared
	said map[string]bool // words for yes and no
	grammar
}

func (p *Parser) prepare() *Parser {
	p.once.Do(func() {
		for _, tag := range p.ThinkTags {
			p.tags = append(p.tags, strings.ToLower(strings.Trim(tag, "<>|/[]◁▷ ")))
		}
		p.said = map[string]bool{"yes": true, "true": true, "no": false, "false": false}
		for _, word := range p.Positive {
			p.said[Fold(word)] = true
		}
		for _, word := range p.Negative {
			p.said[Fold(word)] = false
		}
		p.grammar = newGrammar(p.said)
	})
	return p
}

func (p *Parser) thinkTags() []string { return p.prepare().tags }

// Fold returns an answer word as it is compared: in lower case, without the punctuation
// around it.
func Fold(word string) string {
	line := strings.ToLower(plainLine(word))
	if trimmed := strings.TrimRight(strings.TrimLeft(line, " '‘’«»([{<"), " '‘’«»)]}>.!,;:"); trimmed != "" {
		return trimmed
	}
	return line
}

// word returns the flag that a word for yes or no stands for.
func (p *Parser) word(text string) (flag, ok bool) {
	const longest = 200
	if len(text) > longest {
		return false, false
	}
	flag, ok = p.prepare().said[Fold(text)]
	return flag, ok
}

// value returns the flag that a value in an object, or a whole reply, stands for.
func (p *Parser) value(text string) (flag, ok bool) {
	if flag, ok := p.word(text); ok {
		return flag, true
	}
	switch strings.TrimRight(strings.TrimSpace(text), ".!") {
	case "1", "1.0":
		return true, true
	case "0", "0.0":
		return false, true
	}
	return false, false
}

// ranked reads what classifiers print: words, each with a score, the best one first.
func (p *Parser) ranked(line string) (flag, ok bool) {
	fields := strings.Fields(line)
	best := 0.0
	for i := 0; i < len(fields); i += 2 {
		word, known := p.word(fields[i])
		if !known || i+1 == len(fields) || !strings.ContainsAny(fields[i+1], ".%") {
			return false, false
		}
		score, err := strconv.ParseFloat(strings.TrimSuffix(fields[i+1], "%"), 64)
		if err != nil || i > 0 && score > best {
			return false, false
		}
		if i == 0 {
			flag, best = word, score
		}
	}
	return flag, len(fields) > 0
}

// readWords reads a text without an object.
func (p *Parser) readWords(prose string) (Reply, error) {
	said := strings.ReplaceAll(prose, placeholder, "\n")
	whole := trim(said)
	if list := plainLines(said); len(list) == 1 {
		whole = list[0].text
	}
	for _, read := range []func(string) (bool, bool){p.value, p.ranked} {
		if flag, ok := read(whole); ok {
			return Reply{Flag: flag, Step: StepWords}, nil
		}
	}
	v := p.verdicts(said, false)
	answers, all := v.answers, slices.Concat(v.answers, v.others)
	switch {
	case len(answers) == 0:
		return Reply{}, unparsed(noFlag)
	case slices.Contains(all, true) && slices.Contains(all, false):
		return Reply{}, contradiction("there is one verdict and the other")
	case abstention().MatchString(strings.ReplaceAll(said, "’", "'")):
		return Reply{}, unparsed("it says that it cannot tell")
	}
	return Reply{Flag: answers[0], Step: StepWords}, nil
}

// contradicts returns an error if the prose around an object has a plain verdict that
// differs from the object's flag.
func (p *Parser) contradicts(b body, flag bool) error {
	v := p.verdicts(strings.ReplaceAll(b.prose, placeholder, "\n"), true)
	if slices.Contains(v.answers, !flag) || slices.Contains(v.others, !flag) {
		return contradiction("the object has one verdict, and the text beside it the other")
	}
	return nil
}

// textLine is a line in plain text.
type textLine struct {
	text   string
	listed bool // it was an item of a list
	speech bool // it begins with what someone says
}

var (
	fenceLine = lazily("(?m)^[ \\t]*(?:```|~~~)[\\w+-]*[ \\t\\r]*$")
	fenceMark = lazily("(?:```+|~~~+)[\\w+-]*")
	listMark  = lazily(`^(?:[-•+] |\d{1,2}[.)] )+`)
	speech    = lazily(`^\s*["“][^"“”]*["”][ ,]*\pL`)
	boxed     = lazily(`\$*\\boxed\{(?:\\(?:text|textbf|mathrm|mathbf)\{)?([^{}]*)\}{1,2}\$*`)
)

// unfenced returns prose without code fences.
func unfenced(prose string) string {
	if !strings.Contains(prose, "```") && !strings.Contains(prose, "~~~") {
		return prose
	}
	return fenceMark().ReplaceAllString(fenceLine().ReplaceAllString(prose, ""), "")
}

// plainLines returns the lines of a text that are not blank, in plain text: without code
// fences, Markdown's emphasis and quotes, and with single spaces. Of a long line only
// the ends are kept.
func plainLines(prose string) []textLine {
	const most = 300
	prose = fenceLine().ReplaceAllString(prose, "")
	if strings.Contains(prose, `\boxed`) {
		prose = boxed().ReplaceAllString(prose, "\n$1\n")
	}
	var list []textLine
	for line := range strings.SplitSeq(prose, "\n") {
		if len(line) > 2*most {
			line = line[:most] + " … " + line[len(line)-most:]
		}
		text := plainLine(line)
		item := listMark().ReplaceAllString(text, "")
		if item != "" {
			list = append(list, textLine{item, item != text, speech().MatchString(line)})
		}
	}
	return list
}

func plainLine(line string) string {
	line = strings.ReplaceAll(line, "->", "→")
	line = strings.Map(func(r rune) rune {
		if strings.ContainsRune("*_`~\"“”#>", r) {
			return -1
		}
		return r
	}, line)
	return strings.Join(strings.FieldsFunc(line, isSpace), " ")
}

func trim(text string) string { return strings.TrimFunc(text, isSpace) }

// isSpace tells white space, also such as is not seen: byte order marks and spaces
// of no width.
func isSpace(r rune) bool {
	return unicode.IsSpace(r) || r == '\uFEFF' || r == '\u200B' || r == '\u2060'
}

// lazily compiles a pattern when it is first used. All of them take the better part of a
// millisecond, and most commands read no reply.
func lazily(pattern string) func() *regexp.Regexp {
	return sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(pattern) })
}
