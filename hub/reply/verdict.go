package reply

import (
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// A verdict is a word for yes or no that stands for the whole reply. It may carry a
// label, as in "Final answer (yes or no): no".
const (
	connective = `(?:(?:so|thus|therefore|hence|overall|finally|in conclusion|in summary|in short),? )?`
	qualifier  = `(?:(?:the|my|our) )?(?:(?:final|overall|correct) )?`
	labelNoun  = `(?:answer|verdict|conclusion|decision|detected|flag|classification|prediction|judge?ment|determination)`
	aside      = `(?: ?\([^()]*\))?`
	separator  = `(?: is:?| ?[:=]| ?→)`
	label      = connective + qualifier + labelNoun + aside + separator + ` ?`
	// within introduces a verdict in the middle of a sentence. There it is no answer, but
	// it can contradict one.
	within = `(?:[,;:–—] ?| - |\b(?:so|thus|therefore|hence|then|but|and|that) |\b(?:final|my|overall|correct) )` +
		qualifier + `(?:answer|verdict|conclusion|decision)` + aside + separator + ` ?`
	quoteOpens  = `['‘«(\[<]*`
	quoteCloses = `['’»)\]>]*`
)

// grammar has the patterns for verdicts of a parser's words.
type grammar struct {
	bare     *regexp.Regexp // a sentence that is nothing but a verdict
	digit    *regexp.Regexp // a label, and 1 or 0
	labelled *regexp.Regexp // a label, a verdict, and more
	opening  *regexp.Regexp // a verdict, a stop, and more
	inside   *regexp.Regexp // a verdict with a label, in the middle of a sentence
}

// heading is a label on a line of its own.
var heading = lazily(`(?i)^` + qualifier + labelNoun + aside + `(?: is)?[:=]?$`)

func newGrammar(said map[string]bool) grammar {
	words := make([]string, 0, len(said))
	for word := range said {
		words = append(words, regexp.QuoteMeta(word))
	}
	slices.SortFunc(words, func(a, b string) int { return len(b) - len(a) })
	word := quoteOpens + `(` + strings.Join(words, "|") + `)` + quoteCloses
	const more = `(?:([.!]+) | ?[,;:–—(] ?|[)] | - )(.+)$`
	return grammar{
		bare:     regexp.MustCompile(`(?i)^` + word + aside + `[.!,;:]*$`),
		digit:    regexp.MustCompile(`(?i)^` + label + `(1|0)[.!,;]*$`),
		labelled: regexp.MustCompile(`(?i)^` + label + word + `(?:` + aside + `[.!,;:]*$|` + more + `)`),
		opening:  regexp.MustCompile(`(?i)^` + word + more),
		inside:   regexp.MustCompile(`(?i)` + within + word + `(?:[.!,;)]|$)`),
	}
}

// verdicts are what the prose of a reply says.
type verdicts struct {
	answers []bool // that may be taken for the answer
	others  []bool // that can only contradict one
}

// verdicts returns the verdicts in a text. beside: it is the text beside an object, where
// fewer of them count.
func (p *Parser) verdicts(text string, beside bool) verdicts {
	p.prepare()
	var v verdicts
	before := "" // the sentence before
	lines := plainLines(text)
	for i, line := range lines {
		parts := sentences(line.text)
		first, last := i == 0, i == len(lines)-1
		if flag, ok := p.begins(line.text); ok && first && !line.speech {
			v.answers = append(v.answers, flag)
		}
		for k, s := range parts {
			alone := len(parts) == 1 && (first || last || heading().MatchString(before))
			final := last && k == len(parts)-1
			flag, ok := p.label(s)
			switch {
			case ok:
				v.answers = append(v.answers, flag)
			case alone && (!beside || !line.listed):
				v.addBare(p, s, before, beside, true)
			case len(parts) > 1 && k == 0 && (first || line.speech): // it is judged with what follows
			case !line.listed:
				v.addBare(p, s, before, beside || !final, false)
			}
			v.addInside(p, s)
			before = s
		}
	}
	return v
}

// subject is a question about the verdict itself.
var subject = lazily(`(?i)\b(?:detect\w*|flag|answer|verdict|conclusion)\b`)

// addBare adds a sentence that is nothing but a verdict. skipAsked: one that answers a
// question of the text is left out, unless the question is about the verdict.
func (v *verdicts) addBare(p *Parser, s, before string, skipAsked, alone bool) {
	m := p.bare.FindStringSubmatch(s)
	if m == nil {
		return
	}
	asked := strings.HasSuffix(before, "?")
	if asked && skipAsked && !subject().MatchString(before) {
		return
	}
	flag, _ := p.word(m[1])
	if alone {
		v.answers = append(v.answers, flag)
	} else {
		v.others = append(v.others, flag)
	}
}

// supposed is a sentence that does not say what is, but what would be.
var supposed = lazily(`(?i)\b(?:if|would|had|whether|unless|could|might)\b`)

func (v *verdicts) addInside(p *Parser, s string) {
	if supposed().MatchString(s) {
		return
	}
	for _, m := range p.inside.FindAllStringSubmatch(s, -1) {
		flag, _ := p.word(m[1])
		v.others = append(v.others, flag)
	}
}

// label returns the verdict of a sentence that begins with a label.
func (p *Parser) label(s string) (flag, ok bool) {
	if m := p.digit.FindStringSubmatch(s); m != nil {
		return m[1] == "1", true
	}
	if m := p.labelled.FindStringSubmatch(s); m != nil {
		return p.followed(m[1], m[2], m[3])
	}
	return false, false
}

// begins returns the verdict with which a line begins.
func (p *Parser) begins(line string) (flag, ok bool) {
	if m := p.opening.FindStringSubmatch(line); m != nil {
		return p.followed(m[1], m[2], m[3])
	}
	return false, false
}

// retractions are words after which a yes or a no before them is not a verdict: "Yes,
// but …", "No, I cannot …", "Yes, of course! Please …", "Yes, here is …".
var retractions = []string{
	"although", "and", "below", "but", "certainly", "here", "however", "i", "if", "let", "maybe", "of", "or", "perhaps", "please", "sorry",
	"sure", "though", "unless", "wait", "we",
}

// followed returns the flag of a verdict that is followed by a stop and the rest of the
// line, unless these take it back.
func (p *Parser) followed(verdict, stop, rest string) (flag, ok bool) {
	flag, _ = p.word(verdict)
	if rest == "" {
		return flag, true
	}
	next, _ := utf8.DecodeRuneInString(rest)
	if strings.EqualFold(verdict, "no") && (unicode.IsDigit(next) || stop != "" && !unicode.IsUpper(next)) {
		return false, false // "No: 3", "No. of visits"
	}
	word := strings.ToLower(rest[:len(rest)-len(strings.TrimLeftFunc(rest, unicode.IsLetter))])
	if contrary, isVerdict := p.word(word); isVerdict && contrary != flag {
		return false, false
	}
	return flag, !slices.Contains(retractions, word)
}

// abstention is a sentence that declines to judge.
var abstention = lazily(`(?im)(?:\b(?:i|we) (?:cannot|can't|can not|could not|couldn't|am unable to|am not able to|are unable to)|\bi'm (?:unable|not able) to|^(?:cannot|can't|unable to))` +
	` (?:determine|tell|say|judge|decide|assess|answer|conclude|help)(?:[.!,;:]| (?:whether|if|this|that|it|with|from|the answer)\b|$)`)

// sentences splits a line: a sentence ends at . ! or ? before a space and what can begin
// another one.
func sentences(line string) []string {
	var list []string
	from := 0
	for i := 0; i+2 < len(line); i++ {
		if !strings.ContainsRune(".!?", rune(line[i])) || line[i+1] != ' ' {
			continue
		}
		next, _ := utf8.DecodeRuneInString(line[i+2:])
		if unicode.IsUpper(next) || strings.ContainsRune("'‘«([", next) {
			list = append(list, line[from:i+1])
			from = i + 2
		}
	}
	return append(list, line[from:])
}
