package reply

import (
	"regexp"
	"slices"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"
)

// A verdict is a yes or a no that stands for the whole reply. It may carry a label,
// as in "Final answer (yes or no): no".
const (
	label   = `(?:the )?(?:final )?(?:answer|verdict|conclusion|decision|detected|flag)(?: ?\([^()]*\))?`
	yesNo   = `(yes|no|true|false)`
	orDigit = `(yes|no|true|false|1|0)`
)

var (
	// bare is a line that is nothing but a verdict.
	bare = lazily(`(?i)^(?:` + yesNo + `|` + label + `(?: is:?| ?[:=]) ?` + orDigit + `)[.!]*$`)
	// opening is a verdict, a stop, and more.
	opening = lazily(`(?i)^(?:` + label + `(?: is:?| ?[:=]) ?)?` + yesNo + `(?:([.!]+) | ?[,;:–—(] ?| - )(.+)$`)
	// closing is a line that ends with a labelled verdict.
	closing = lazily(`(?i)(?:^|[^\pL\pN])` + label + ` ?[:=] ?` + orDigit + `[.!]*$`)
)

// lazily compiles a pattern when it is first used. All of them take the better part of a
// millisecond, and most commands read no reply.
func lazily(pattern string) func() *regexp.Regexp {
	return sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(pattern) })
}

// retractions are words after which a yes or a no before them is none: "Yes, but …",
// "No, I cannot …", "Yes, of course! Please …".
var retractions = []string{
	"although", "and", "but", "however", "i", "if", "maybe", "of", "or", "perhaps", "please", "sorry",
	"though", "unless", "wait", "we",
}

// readWords reads a text without an object.
func readWords(text string) (Reply, error) {
	if flag, ok := flagWord(text); ok {
		return Reply{Flag: flag, Step: StepWords}, nil
	}
	first, last := ends(text)
	begins, isBeginning := beginning(first)
	closes, isEnd := ending(last)
	switch {
	case isBeginning && isEnd && begins != closes:
		return Reply{}, unparsed("it begins with one answer and ends with the other")
	case isBeginning:
		return Reply{Flag: begins, Step: StepWords}, nil
	case isEnd:
		return Reply{Flag: closes, Step: StepWords}, nil
	}
	return Reply{}, unparsed("there is no object with detected or flag, and no plain yes or no")
}

// beginning returns the verdict with which a line begins.
func beginning(line string) (flag, ok bool) {
	if flag, ok := bareVerdict(line); ok {
		return flag, true
	}
	m := opening().FindStringSubmatch(line)
	if m == nil {
		return false, false
	}
	verdict, stop, rest := m[1], m[2], m[3]
	flag, _ = flagWord(verdict)
	next, _ := utf8.DecodeRuneInString(rest)
	if strings.EqualFold(verdict, "no") && (unicode.IsDigit(next) || stop != "" && !unicode.IsUpper(next)) {
		return false, false // "No: 3", "No. of visits"
	}
	word := strings.ToLower(rest[:len(rest)-len(strings.TrimLeftFunc(rest, unicode.IsLetter))])
	if contrary, isVerdict := flagWord(word); isVerdict && contrary != flag {
		return false, false
	}
	return flag, !slices.Contains(retractions, word)
}

// ending returns the verdict with which a line ends.
func ending(line string) (flag, ok bool) {
	if flag, ok := bareVerdict(line); ok {
		return flag, true
	}
	if m := closing().FindStringSubmatch(line); m != nil {
		return flagWord(m[1])
	}
	return false, false
}

func bareVerdict(line string) (flag, ok bool) {
	if m := bare().FindStringSubmatch(line); m != nil {
		return flagWord(m[1] + m[2])
	}
	return false, false
}

// ends returns the beginning of the first line and the end of the last one, in plain
// text: without Markdown's emphasis and quotes, and with single spaces.
func ends(text string) (first, last string) {
	const most = 300
	first, _, _ = strings.Cut(text, "\n")
	last = text[strings.LastIndexByte(text, '\n')+1:]
	first, last = first[:min(len(first), most)], last[max(0, len(last)-most):]
	return plainLine(first), plainLine(last)
}

func plainLine(line string) string {
	line = strings.Map(func(r rune) rune {
		if strings.ContainsRune("*_`\"“”#>", r) {
			return -1
		}
		return r
	}, line)
	return strings.Join(strings.Fields(line), " ")
}
