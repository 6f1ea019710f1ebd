package reply

import (
	"slices"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// patience is how often, on average, a byte may be read in search of objects.
const patience = 8

// object is an object in a text.
type object struct {
	source string         // as it is in the text
	json   jsontext.Value // as JSON
	role   role
}

// role says what the members say that an object is the value of.
type role int

const (
	roleNone role = iota
	roleAnswer
	roleDraft
)

var (
	answerNames = []string{"answer", "conclusion", "decision", "final", "output", "response", "result", "verdict"}
	draftNames  = []string{"alternative", "counter", "draft", "example", "hypothetical", "initial", "previous", "sample", "schema", "template"}
)

func roleOf(names []string) role {
	is := func(list []string) bool {
		return slices.ContainsFunc(names, func(name string) bool {
			name = strings.ToLower(name)
			return slices.ContainsFunc(list, func(word string) bool { return strings.Contains(name, word) })
		})
	}
	switch {
	case is(draftNames):
		return roleDraft
	case is(answerNames):
		return roleAnswer
	}
	return roleNone
}

// nextBrace returns where the next object may begin: at the last of braces in a row.
// There is one at from.
func nextBrace(text string, from int) int {
	for from+1 < len(text) && text[from+1] == '{' {
		from++
	}
	return from
}

// answer returns the object that is the answer: the last one that is not hypothetical.
// conditional: all of them are hypothetical.
func (p *Parser) answer(b body) (o object, conditional bool, err error) {
	last := len(b.objects) - 1
	for last > 0 && b.hypothetical(last) {
		last--
	}
	if conditional = b.hypothetical(last); conditional {
		last = len(b.objects) - 1
	}
	if p.listDiffers(b, last) {
		return object{}, false, contradiction("there are several objects in a row, and they differ")
	}
	o, err = p.pick(b.objects[last].flagged)
	return o, conditional, err
}

// pick returns the one object that counts of those in another one. If they differ, it is
// the one that is called the answer.
func (p *Parser) pick(list []object) (object, error) {
	for _, drop := range []func(object) bool{
		func(object) bool { return false },
		func(o object) bool { return o.role == roleDraft },
		func(o object) bool { return o.role != roleAnswer },
	} {
		left := slices.DeleteFunc(slices.Clone(list), drop)
		if len(left) > 0 && !p.differ(left) {
			return left[len(left)-1], nil
		}
	}
	return object{}, contradiction("several objects in one have a flag, and they differ")
}

// differ reports whether objects have different flags. One that cannot be read has none.
func (p *Parser) differ(list []object) bool {
	seen := [2]bool{}
	for _, o := range list {
		if r, err := p.readLenient(o.json); err == nil {
			seen[index(r.Flag)] = true
		}
	}
	return seen[0] && seen[1]
}

// listDiffers reports whether the object is one of several that are separated by
// nothing but commas, and that have different flags.
func (p *Parser) listDiffers(b body, last int) bool {
	first := last
	for first > 0 && strings.Trim(b.between(first-1), " \t\r\n,[]") == "" {
		first--
	}
	var list []object
	for _, f := range b.objects[first : last+1] {
		if o, err := p.pick(f.flagged); err == nil {
			list = append(list, o)
		}
	}
	return p.differ(list)
}

// between returns the prose between an object and the next.
func (b body) between(i int) string {
	return b.prose[b.objects[i].at+len(placeholder) : b.objects[i+1].at]
}

// conditional is a sentence that leads to an object which is not the answer, but would
// be in another case, or shows the form.
var conditional = lazily(`(?i)\binstead\b.*\bwould\b|\bhad\b.*\bwould\b|\bwould have (?:returned|answered|said|been|given|replied)\b|\bhypothetical|\bfor (?:example|instance)\b|\be\.g\.|^[^\pL]*example\b`)

// hypothetical reports whether the sentence that leads to an object says so.
func (b body) hypothetical(i int) bool {
	const most = 200
	at := b.objects[i].at
	from := max(0, at-most)
	if i > 0 {
		from = max(from, b.objects[i-1].at+len(placeholder))
	}
	lead := strings.TrimRight(b.prose[from:at], " \t\r\n")
	if cut := strings.LastIndexAny(lead, "\n.!?"); cut >= 0 && !strings.HasSuffix(lead[:cut+1], "e.g.") {
		lead = lead[cut+1:]
	}
	return conditional().MatchString(lead)
}

func index(flag bool) int {
	if flag {
		return 1
	}
	return 0
}
