package reply

import (
	"bytes"
	"iter"
	"strings"
)

// placeholder stands in the prose of a reply where an object with a flag was.
const placeholder = "\uFFFC"

// body is what a model says, without what it thinks and without marks of templates.
type body struct {
	prose   string // with a placeholder for each object
	objects []finding
	broken  error // why an object behind all others cannot be read; nil: there is none
	turn    turn  // where someone else's turn begins, as the model imagines it
}

// finding is a whole object in the text, with the objects in it that have a flag.
type finding struct {
	at      int // of its placeholder in the prose
	source  string
	flagged []object
}

// turn is a place in a body.
type turn struct {
	at      int // in the prose; 0: nowhere
	objects int // before it
}

// walker takes a text apart from left to right. Marks count outside objects alone: what
// a string of an object says is what the model says.
type walker struct {
	*Parser
	text    string
	pos     int
	prose   []byte
	said    bool // the prose is not blank
	objects []finding
	broken  int // where an object behind all others became unreadable; -1: there is none
	turn    turn
	scan    scanner
	work    int             // bytes that may still be read in search of objects
	endless map[string]bool // sections that do not end from here on
	final   int             // the last place with the word final
}

// read takes a text apart.
func (p *Parser) read(text string) (body, error) {
	w := walker{
		Parser: p, text: text, broken: -1, scan: scanner{text: text}, work: patience * len(text), endless: make(map[string]bool),
		final: strings.LastIndex(strings.ToLower(text), "final"),
	}
	for w.pos < len(text) {
		i := strings.IndexAny(text[w.pos:], "{<[◁\n")
		if i < 0 {
			w.keep(len(text))
			break
		}
		w.keep(w.pos + i)
		switch text[w.pos] {
		case '{':
			if err := w.object(); err != nil {
				return body{}, err
			}
		case '\n':
			w.line()
		default:
			w.mark()
		}
	}
	b := body{prose: string(w.prose), objects: w.objects, turn: w.turn}
	switch {
	case w.broken == len(text):
		b.broken = unparsed("the text ends inside an object")
	case w.broken >= 0:
		b.broken = unparsed("the last object cannot be read, from %q on", clip(text[w.broken:]))
	}
	return b, nil
}

// keep takes the text up to a place over into the prose.
func (w *walker) keep(to int) {
	kept := w.text[w.pos:to]
	w.said = w.said || trim(kept) != ""
	w.prose = append(w.prose, strings.ReplaceAll(kept, placeholder, " ")...)
	w.pos = to
}

// forget drops all that was read: it is not part of the reply.
func (w *walker) forget() {
	w.prose, w.said, w.objects, w.broken, w.turn = w.prose[:0], false, nil, -1, turn{}
}

// object reads an object at pos.
func (w *walker) object() error {
	from := nextBrace(w.text, w.pos)
	w.keep(from)
	w.scan.begin(from)
	whole := w.scan.object(1)
	if w.work -= w.scan.pos - from; w.work < 0 {
		return unparsed("the text is too tangled to find an object")
	}
	switch {
	case whole && w.scan.found != nil:
		for i := range w.scan.found {
			w.scan.found[i].json = bytes.Clone(w.scan.found[i].json)
		}
		w.objects = append(w.objects, finding{len(w.prose), w.text[from:w.scan.pos], w.scan.found})
		w.broken, w.said = -1, true
		w.prose = append(w.prose, placeholder...)
		w.pos = w.scan.pos
	case whole:
		w.prose = append(w.prose, "\n{}\n"...)
		w.pos = w.scan.pos
	case w.scan.meant:
		w.brokenObject(w.scan.pos)
	default: // a brace in prose
		w.keep(from + 1)
	}
	return nil
}

// brokenObject passes by an object that became unreadable. If a thinking section ends
// in it, it was part of that.
func (w *walker) brokenObject(to int) {
	for pos, m := range w.marks(w.pos, to) {
		if m.kind == markCloses || m.kind == markFinal {
			w.forget()
			w.pos = pos + m.size
			return
		}
	}
	w.prose = append(w.prose, '\n')
	w.pos, w.broken = to, to
}

// mark reads what may be a mark at pos.
func (w *walker) mark() {
	m := w.markAt(w.text[w.pos:])
	switch m.kind {
	case noMark:
		w.keep(w.pos + 1)
		return
	case markOpens:
		end := w.sectionEnd(m, w.pos+m.size)
		if end < 0 {
			end = len(w.text)
		}
		w.pos = end
		w.prose = append(w.prose, '\n')
		return
	case markCloses, markFinal:
		w.forget()
	case markStops:
		if w.said {
			w.pos = len(w.text)
			return
		}
	case markBreaks:
		w.prose = append(w.prose, '\n')
	}
	w.pos += m.size
}

// marks yields the marks that begin between two places, with their places.
func (w *walker) marks(from, to int) iter.Seq2[int, mark] {
	return func(yield func(int, mark) bool) {
		for pos := from; pos < to; {
			i := strings.IndexAny(w.text[pos:to], "<[◁")
			if i < 0 {
				return
			}
			pos += i
			m := w.markAt(w.text[pos:])
			if m.kind != noMark && !yield(pos, m) {
				return
			}
			pos += max(1, m.size)
		}
	}
}

var (
	// otherTurn begins a turn of someone else, as a model goes on with when it does not
	// stop after its own.
	otherTurn = lazily(`(?i)^(?:\*\*|#+ ?)?(?:user|human|instruction|input)(?:\*\*)? ?:`)
	// nextQuestion does too, after a blank line.
	nextQuestion = lazily(`(?i)^(?:\*\*)?(?:q|question)(?:\*\*)? ?\d*:`)
)

// line reads a line break at pos, and notes whether someone else's turn follows.
func (w *walker) line() {
	w.keep(w.pos + 1)
	if !w.said || w.turn.at > 0 {
		return
	}
	head := w.text[w.pos:min(len(w.text), w.pos+markLength)]
	blank := bytes.HasSuffix(w.prose, []byte("\n\n")) || bytes.HasSuffix(w.prose, []byte("\n\r\n"))
	asks := blank && w.final < w.pos && nextQuestion().MatchString(head)
	if asks || otherTurn().MatchString(head) {
		w.turn = turn{len(w.prose), len(w.objects)}
	}
}

// before returns the part of a body before someone else's turn.
func (b body) before() body {
	return body{prose: b.prose[:b.turn.at], objects: b.objects[:b.turn.objects]}
}
