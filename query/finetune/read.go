package finetune

import (
	"bufio"
	"errors"
	"io"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/explog/explog/event/input"
)

// read checks every example of a file, whichever form it has.
func (c *checker) read(r io.Reader) error {
	plain, done, err := input.Unpack(r)
	if err != nil {
		return err
	}
	defer done()
	in := bufio.NewReaderSize(plain, 64<<10)
	if err := skipMark(in); err != nil {
		return err
	}
	isArray, err := startsArray(in)
	if err != nil {
		return err
	}
	if !isArray {
		return c.lines(in)
	}
	if c.format.ofOpenAI() {
		c.note("", "a JSON array: OpenAI takes JSONL, one example a line")
	}
	return c.array(in)
}

// skipMark skips a byte-order mark, which Azure requires and other readers skip.
func skipMark(in *bufio.Reader) error {
	const mark = "\ufeff"
	first, err := in.Peek(len(mark))
	if err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	if string(first) == mark {
		_, err = in.Discard(len(mark))
		return err
	}
	return nil
}

// startsArray reports whether the first byte that is not white space opens an array.
func startsArray(in *bufio.Reader) (bool, error) {
	for n := 1; n <= in.Size(); n++ {
		b, err := in.Peek(n)
		if errors.Is(err, io.EOF) {
			return false, nil
		}
		if err != nil {
			return false, err
		}
		switch b[n-1] {
		case ' ', '\t', '\r', '\n':
		default:
			return b[n-1] == '[', nil
		}
	}
	return false, nil
}

// lines checks JSONL.
func (c *checker) lines(in io.Reader) error {
	lines := bufio.NewScanner(in)
	lines.Buffer(make([]byte, 64<<10), maxLine)
	for lines.Scan() {
		c.line++
		c.example(lines.Bytes())
	}
	err := lines.Err()
	if errors.Is(err, bufio.ErrTooLong) {
		c.line++
		c.fault("", "over %d MiB without an end of line: one example a line (JSONL); what follows is not checked", maxLine>>20)
		err = nil
	}
	return err
}

// array checks the elements of a JSON array. What follows a syntax error cannot be
// told apart, so it is not checked.
func (c *checker) array(in io.Reader) error {
	limited := &limitedReader{in: in, left: maxLine}
	d := jsontext.NewDecoder(limited)
	if _, err := d.ReadToken(); err != nil {
		return c.arrayError(err)
	}
	for d.PeekKind() != ']' {
		limited.left = maxLine
		raw, err := d.ReadValue()
		if err != nil {
			c.element++
			return c.arrayError(err)
		}
		c.element++
		c.example(raw)
	}
	limited.left = maxLine
	if _, err := d.ReadToken(); err != nil {
		return c.arrayError(err)
	}
	c.element = 0
	switch _, err := d.ReadToken(); {
	case err == nil:
		c.fault("", "something follows the end of the JSON array")
	case !errors.Is(err, io.EOF):
		return c.arrayError(err)
	}
	return nil
}

// arrayError makes a fault of an error of syntax, and returns any other one.
func (c *checker) arrayError(err error) error {
	var syntax *jsontext.SyntacticError
	switch {
	case errors.Is(err, errTooLong):
		c.fault("", "over %d MiB long; what follows is not checked", maxLine>>20)
	case errors.As(err, &syntax), errors.Is(err, io.ErrUnexpectedEOF):
		c.fault("", "%s; what follows is not checked", syntaxFault(err))
	default:
		return err
	}
	return nil
}

var errTooLong = errors.New("the element is too long")

// limitedReader bounds what one element can take of memory.
type limitedReader struct {
	in   io.Reader
	left int
}

func (r *limitedReader) Read(b []byte) (int, error) {
	if r.left <= 0 {
		return 0, errTooLong
	}
	n, err := r.in.Read(b[:min(len(b), r.left)])
	r.left -= n
	return n, err
}
