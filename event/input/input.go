// Package input splits a stream into the JSON values that may be records: the
// lines of JSONL, the elements of an array, or one document.
//
// It finds where values begin and end and does not judge them; package event
// does. What stands where a value should be, and is none, is handed on too, so
// that one bad value does not cost the good ones around it. Memory is bounded by
// the largest value that is allowed, however large the stream is.
//
// Rules. A byte order mark is skipped, and gzip and zstd are unpacked. Then the
// form is recognized, before any value is yielded:
//
//   - A complete object on the first line means JSONL.
//   - Otherwise the input is one document, an array or a single value. What follows
//     its end is a fault.
//   - If no element of the document can be read, and at least one line is a complete
//     object, the input is JSONL with a bad first line. Where that begins with an
//     object, only what follows the object is bad.
//   - Files of other formats are an [UnsupportedError].
//
// To decide, at most one value's limit of bytes is read ahead.
package input

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"iter"

	"github.com/explog/explog/event"
)

// Value is one piece of the input.
type Value struct {
	// Raw is the value's bytes as they stand in the input. It is valid until the
	// next value is asked for.
	Raw    []byte
	Line   int64 // from 1
	Offset int64 // in bytes from the start of the input after decompression
	// Fault is set where no value can be had from Raw, because of how the input
	// is built or because it is too large.
	Fault *event.Fault
	// Length and SHA256 (hexadecimal) are those of the whole value where it is too
	// large and Raw is only its beginning.
	Length int64
	SHA256 string
}

const (
	// DefaultMaxRecord is the limit for one value, in bytes.
	DefaultMaxRecord = 16 << 20
	// KeptOfTooLarge is how much is kept of a value over the limit.
	KeptOfTooLarge = 1 << 20
)

// ErrEmpty means that the input has no bytes but white space and a byte order mark.
var ErrEmpty = errors.New("the input is empty")

// Values yields what the input holds, in order. maxRecord is the limit for one
// value in bytes, 0 for the default. An error ends the sequence: [ErrEmpty], an
// [UnsupportedError], or one of reading or unpacking. The first two come before any
// value; what came before one of the others is sound.
func Values(r io.Reader, maxRecord int) iter.Seq2[Value, error] {
	if maxRecord <= 0 {
		maxRecord = DefaultMaxRecord
	}
	return func(yield func(Value, error) bool) {
		plain, done, err := Unpack(r)
		if err != nil {
			yield(Value{}, err)
			return
		}
		defer done()
		s := splitter{window: window{src: plain}, max: maxRecord, yield: yield}
		if p, ok := plain.(packed); ok {
			s.packing = p.name
		}
		if err := s.run(); err != nil && !errors.Is(err, errStop) {
			yield(Value{}, err)
		}
	}
}

// errStop: the consumer wants no more.
var errStop = errors.New("stop")

type splitter struct {
	window
	max     int
	packing string // gzip, zstd or empty
	yield   func(Value, error) bool
}

func (s *splitter) run() error {
	if err := s.skipMark(); err != nil {
		return err
	}
	if _, err := s.skipSpace(); errors.Is(err, io.EOF) {
		return ErrEmpty
	} else if err != nil {
		return err
	}
	found, err := s.recognize()
	if err != nil {
		return err
	}
	switch found {
	case formArray:
		return s.array()
	case formLines:
		return s.lines()
	case formGlued:
		return s.glued()
	}
	return s.document()
}

// skipMark skips a UTF-8 byte order mark.
func (s *splitter) skipMark() error {
	if err := s.need(4); err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	if bytes.HasPrefix(s.ahead(), []byte("\xEF\xBB\xBF")) {
		s.advance(3)
	}
	return nil
}

// lines yields each line that is not blank.
func (s *splitter) lines() error {
	for {
		if _, err := s.skipSpace(); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		v, err := s.take(&lineEnd{})
		if err != nil {
			return err
		}
		if object, ok := beforeComma(v.Raw); ok {
			v.Raw = object
		}
		if err := s.give(v); err != nil {
			return err
		}
	}
}

// glued yields the object that the first line begins with, what stands behind it on
// the line as a fault, and the other lines.
func (s *splitter) glued() error {
	if err := s.emitUntil(&structure{}); err != nil {
		return err
	}
	if _, err := s.skipSpace(); err != nil {
		return ignoreEOF(err)
	}
	v, err := s.take(&lineEnd{})
	if err != nil {
		return err
	}
	if v.Fault == nil {
		v.Fault = trailing("the object")
	}
	if err := s.give(v); err != nil {
		return err
	}
	return s.lines()
}

// beforeComma returns the complete object that a line consists of besides the comma
// at its end, as the lines of an array have it.
func beforeComma(line []byte) ([]byte, bool) {
	object, found := bytes.CutSuffix(line, []byte{','})
	return trimEnd(object), found && completeObject(object)
}

// document yields one value, and what stands behind it as a fault.
func (s *splitter) document() error {
	if err := s.emitUntil(&structure{}); err != nil {
		return err
	}
	if _, err := s.skipSpace(); errors.Is(err, io.EOF) {
		return nil
	} else if err != nil {
		return err
	}
	return s.rest(trailing("the document"))
}

func trailing(what string) *event.Fault {
	return &event.Fault{Reason: event.ReasonTrailingData, Problem: "something stands after the end of " + what +
		"; for several records use JSONL, one object a line, or a JSON array"}
}

// rest yields all that is left as one piece with a fault.
func (s *splitter) rest(f *event.Fault) error {
	v, err := s.take(&everything{})
	if err != nil {
		return err
	}
	if v.Fault == nil {
		v.Fault = f
	}
	return s.give(v)
}

// array yields the elements of an array, and as faults what JSON does not have
// between elements.
func (s *splitter) array() error {
	s.advance(1)
	for first, comma := true, false; ; first = false {
		c, err := s.skipSpace()
		switch {
		case errors.Is(err, io.EOF):
			return s.fault(0, event.ReasonTruncated, "the array is not closed: the file was cut, or its writer died")
		case err != nil:
			return err
		case c == ']':
			if comma {
				if err := s.fault(0, event.ReasonNotJSON, "a comma stands before the end of the array"); err != nil {
					return err
				}
			}
			s.advance(1)
			return s.afterArray()
		case c == ',':
			if comma || first {
				if err := s.fault(1, event.ReasonNotJSON, "a comma stands where an element should be"); err != nil {
					return err
				}
			} else {
				s.advance(1)
			}
			comma = true
			continue
		case c == '}':
			if err := s.fault(1, event.ReasonNotJSON, "a closing brace stands where an element should be"); err != nil {
				return err
			}
			comma = false
			continue
		}
		v, err := s.take(&structure{inArray: true, column: s.column()})
		if err != nil {
			return err
		}
		if !first && !comma && v.Fault == nil {
			v.Fault = &event.Fault{Reason: event.ReasonNotJSON, Problem: "no comma stands before this element"}
		}
		comma = false
		if err := s.give(v); err != nil {
			return err
		}
	}
}

func (s *splitter) afterArray() error {
	if _, err := s.skipSpace(); errors.Is(err, io.EOF) {
		return nil
	} else if err != nil {
		return err
	}
	return s.rest(trailing("the array"))
}

// fault yields the next n bytes as a piece that is no value.
func (s *splitter) fault(n int, reason event.Reason, problem string) error {
	v := Value{Raw: s.ahead()[:n], Line: s.line + 1, Offset: s.offset, Fault: &event.Fault{Reason: reason, Problem: problem}}
	s.advance(n)
	return s.give(v)
}

func (s *splitter) emitUntil(f finder) error {
	v, err := s.take(f)
	if err != nil {
		return err
	}
	return s.give(v)
}

func (s *splitter) give(v Value) error {
	if !s.yield(v, nil) {
		return errStop
	}
	return nil
}

// take cuts off the next value, whose end the finder finds.
func (s *splitter) take(f finder) (Value, error) {
	v := Value{Line: s.line + 1, Offset: s.offset}
	for at := 0; ; {
		end, found := f.find(s.ahead(), at)
		if at = len(s.ahead()); !found && at <= s.max {
			err := s.need(at + 1)
			if err == nil {
				continue
			}
			if !errors.Is(err, io.EOF) {
				return v, err
			}
			end, found = len(s.ahead()), true
		}
		if found && end <= s.max {
			v.Raw = trimEnd(s.ahead()[:end])
			s.advance(end)
			return v, nil
		}
		return s.takeTooLarge(v, f)
	}
}

// trimEnd drops the white space behind a value that ends with its line or file.
func trimEnd(b []byte) []byte { return bytes.TrimRight(b, " \t\r\n") }

// takeTooLarge passes a value by that is over the limit, keeping its beginning.
func (s *splitter) takeTooLarge(v Value, f finder) (Value, error) {
	var kept []byte
	f.restart()
	sum := sha256.New()
	for {
		end, found := f.find(s.ahead(), 0)
		if !found {
			end = len(s.ahead())
		}
		sum.Write(s.ahead()[:end])
		kept = append(kept, s.ahead()[:min(end, KeptOfTooLarge-len(kept))]...)
		v.Length += int64(end)
		s.advance(end)
		if found {
			break
		}
		if err := s.need(1); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return v, err
		}
	}
	v.Raw = kept
	v.SHA256 = hex.EncodeToString(sum.Sum(nil))
	fault := TooLarge(v.Length, s.max)
	v.Fault = &fault
	return v, nil
}

// TooLarge is the fault of a value over the limit.
func TooLarge(length int64, limit int) event.Fault {
	return event.Fault{Reason: event.ReasonTooLarge, Problem: fmt.Sprintf("%d bytes, the limit for a record is %d", length, limit)}
}
