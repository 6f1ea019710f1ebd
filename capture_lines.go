package explog

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"hash"
	"io"
	"slices"

	"github.com/explog/explog/event"
	"github.com/explog/explog/event/input"
)

// sorter tells the records among a program's lines from all else, which passes by
// at once: prompts, progress without newlines, binary data. Only a line that begins
// with a brace is held back until it ends. A carriage return, by which progress is
// written over, begins a line anew.
type sorter struct {
	limit    int  // for a record, bytes
	terminal bool // escape sequences do not count
	pass     *passer
	look     lookout
	save     func(item)
	passed   func(line int64) // a line without a record; may be nil
	defaults func() event.Defaults

	line    []byte // the line so far, while it may become a record
	passing bool   // the line is no record: what is left of it passes by
	large   *largeLine
	kept    bool  // an item of the line was saved
	begun   bool  // the line has bytes
	number  int64 // of lines that have ended
	offset  int64 // of what comes next, bytes
	start   int64 // of the line
}

// passer hands on what is no record, until its reader has gone away.
type passer struct {
	to     io.Writer
	broken bool
}

func (p *passer) write(b []byte) {
	if p.to == nil || p.broken || len(b) == 0 {
		return
	}
	_, err := p.to.Write(b)
	p.broken = err != nil
}

// largeLine is a line over the limit that means to be a record.
type largeLine struct {
	kept []byte
	size int64
	sum  hash.Hash
}

func (l *largeLine) write(b []byte) {
	l.sum.Write(b)
	l.size += int64(len(b))
}

// write takes the next bytes, in pieces of any size.
func (s *sorter) write(b []byte) {
	for len(b) > 0 {
		n := bytes.IndexAny(b, "\r\n") + 1
		if n == 0 {
			n = len(b)
		}
		s.piece(b[:n])
		b = b[n:]
	}
}

// piece takes a part of a line, up to where it ends or is written over.
func (s *sorter) piece(b []byte) {
	s.offset += int64(len(b))
	s.begun = true
	last := b[len(b)-1]
	if s.passing {
		s.passBy(b)
		if s.large != nil {
			s.large.write(b)
		}
	} else {
		s.line = append(s.line, b...)
		s.decide(last == '\n')
	}
	switch {
	case last == '\n':
		s.next()
	case last == '\r' && s.passing && s.large == nil:
		s.start, s.passing = s.offset, false
	}
}

// decide looks at the line so far.
func (s *sorter) decide(ended bool) {
	switch first, open := s.firstOf(s.line); {
	case open && !ended && len(s.line) <= mostIndent:
	case open || first != '{':
		s.letPass()
	case len(s.line) > s.limit && len(bytes.TrimRight(s.line, "\r\n")) > s.limit:
		if bytes.Contains(s.line, []byte(`"problem"`)) {
			s.large = &largeLine{kept: slices.Clone(s.line[:min(len(s.line), input.KeptOfTooLarge)]), sum: sha256.New()}
			s.large.write(s.line)
		}
		s.letPass()
	case ended:
		s.judge(false)
	}
}

// mostIndent is how much white space, and how many bytes of escape sequences, may
// stand before a record.
const mostIndent = 4096

// firstOf returns the first byte of a line that is not white space, or a byte order
// mark; open is set where none came yet.
func (s *sorter) firstOf(line []byte) (first byte, open bool) {
	const mark = "\xEF\xBB\xBF"
	line = bytes.TrimPrefix(line, []byte(mark))
	if len(line) < len(mark) && bytes.HasPrefix([]byte(mark), line) {
		return 0, true
	}
	if s.terminal {
		line, open = skipEscapes(line)
	} else {
		line = bytes.TrimLeft(line, " \t\r\n")
	}
	if open || len(line) == 0 {
		return 0, true
	}
	return line[0], false
}

func (s *sorter) passBy(b []byte) {
	s.pass.write(b)
	s.look.see(b)
}

func (s *sorter) letPass() {
	s.passBy(s.line)
	s.line, s.passing = s.line[:0], true
}

func (s *sorter) keep(it item) {
	s.kept = true
	s.save(it)
}

// judge keeps the line if it is a record or means to be one. The last line may be
// cut; then it is no text that only begins with a brace.
func (s *sorter) judge(last bool) {
	it := item{line: s.number + 1, offset: s.start}
	line := bytes.TrimPrefix(slices.Clone(s.line), []byte("\xEF\xBB\xBF"))
	if s.terminal {
		line = withoutEscapes(line)
	}
	it.raw = bytes.TrimSpace(line)
	d, err := event.ParseDraft(it.raw)
	if err == nil && d.Scored() {
		if it.saved, err = d.Complete(s.defaults()); err != nil {
			it.reject = rejectOf(err)
		}
		s.keep(it)
		return
	}
	s.letPass()
	if err != nil && (meant(it.raw) || last && isTruncated(err)) {
		it.reject, it.passed = rejectOf(err), true
		s.keep(it)
	}
}

// meant reports whether a line that is not JSON means to be a record.
func meant(line []byte) bool {
	return bytes.Contains(line, []byte(`"problem"`)) && bytes.Contains(line, []byte(`"score"`))
}

func isTruncated(err error) bool {
	var invalid *event.InvalidError
	return errors.As(err, &invalid) && invalid.Faults[0].Reason == event.ReasonTruncated
}

// next ends the line and begins another one.
func (s *sorter) next() {
	s.number++
	if s.large != nil {
		s.keepLarge()
	}
	s.look.endLine(s.number, s.kept)
	if !s.kept && s.passed != nil {
		s.passed(s.number)
	}
	s.line, s.passing, s.large = s.line[:0], false, nil
	s.kept, s.begun = false, false
	s.start = s.offset
}

func (s *sorter) keepLarge() {
	s.keep(item{
		raw: s.large.kept, line: s.number, offset: s.start, passed: true,
		reject: &event.Rejected{
			Faults: []event.Fault{input.TooLarge(s.large.size, s.limit)},
			Length: s.large.size, SHA256: hex.EncodeToString(s.large.sum.Sum(nil)),
		},
	})
}

// end takes the end of the output: what is left is its last line.
func (s *sorter) end() {
	if len(s.line) > 0 {
		if first, open := s.firstOf(s.line); open || first != '{' {
			s.letPass()
		} else {
			s.judge(true)
		}
	}
	if s.begun {
		s.next()
	}
}
