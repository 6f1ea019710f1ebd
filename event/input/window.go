package input

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

// window is a buffer that slides over the input.
type window struct {
	src    io.Reader
	buf    []byte
	start  int // what lies before is done with
	offset int64
	line   int64 // complete lines before start
	begin  int64 // offset of the current line
	err    error
}

// ahead returns what is read and not done with.
func (w *window) ahead() []byte { return w.buf[w.start:] }

// need reads until n bytes are ahead. The error is [io.EOF] where there are not
// so many.
func (w *window) need(n int) error {
	for len(w.ahead()) < n {
		if w.err != nil {
			return w.err
		}
		if w.start > 0 && w.start >= len(w.buf)/2 {
			w.buf = w.buf[:copy(w.buf, w.ahead())]
			w.start = 0
		}
		if len(w.buf) == cap(w.buf) {
			w.buf = append(make([]byte, 0, max(1<<16, 2*cap(w.buf))), w.buf...)
		}
		var got int
		got, w.err = w.src.Read(w.buf[len(w.buf):cap(w.buf)])
		w.buf = w.buf[:len(w.buf)+got]
	}
	return nil
}

// advance is done with n bytes.
func (w *window) advance(n int) {
	gone := w.ahead()[:n]
	if lines := bytes.Count(gone, []byte{'\n'}); lines > 0 {
		w.line += int64(lines)
		w.begin = w.offset + int64(bytes.LastIndexByte(gone, '\n')) + 1
	}
	w.start += n
	w.offset += int64(n)
}

// skipSpace goes to the next byte that is not white space and returns it.
func (w *window) skipSpace() (byte, error) {
	for {
		a := w.ahead()
		n := 0
		for n < len(a) && isSpace(a[n]) {
			n++
		}
		w.advance(n)
		if n < len(a) {
			return a[n], nil
		}
		if err := w.need(1); err != nil {
			return 0, err
		}
	}
}

// column returns how far into its line the next byte stands.
func (w *window) column() int { return int(w.offset - w.begin) }

func isSpace(c byte) bool { return c == ' ' || c == '\n' || c == '\t' || c == '\r' }

// Unpack looks at the first bytes and undoes gzip and zstd; anything else is
// handed on as it is. To be done with plain, call done.
func Unpack(r io.Reader) (plain io.Reader, done func(), err error) {
	b := bufio.NewReaderSize(r, 1<<16)
	magic, err := b.Peek(4)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, nil, err
	}
	switch {
	case bytes.HasPrefix(magic, []byte{0x1f, 0x8b}):
		z, err := gzip.NewReader(b)
		if err != nil {
			return nil, nil, fmt.Errorf("unpack gzip: %w", err)
		}
		return packed{z, "gzip"}, func() { _ = z.Close() }, nil
	case bytes.HasPrefix(magic, []byte{0x28, 0xb5, 0x2f, 0xfd}):
		z, err := zstd.NewReader(b, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(128<<20))
		if err != nil {
			return nil, nil, fmt.Errorf("unpack zstd: %w", err)
		}
		return packed{z, "zstd"}, z.Close, nil
	}
	return b, func() {}, nil
}

// packed names the packing in errors.
type packed struct {
	io.Reader
	name string
}

func (p packed) Read(b []byte) (int, error) {
	n, err := p.Reader.Read(b)
	if err != nil && !errors.Is(err, io.EOF) {
		err = fmt.Errorf("unpack %s: %w", p.name, err)
	}
	return n, err
}
