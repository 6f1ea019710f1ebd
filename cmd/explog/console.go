package main

import (
	"context"
	"fmt"
	"io"
	"os"

	"golang.org/x/term"
)

// console is where a command reads and writes.
//
// What goes where: data on out, and nothing else; notes, warnings, progress and
// errors on err. Colour and bold only on a terminal, and not with NO_COLOR set or
// a TERM that is dumb; no meaning hangs on them.
type console struct {
	in  io.Reader
	out io.Writer // for data; text goes through printf or text
	err io.Writer // a safeWriter
}

// printf prints text for people on standard output.
func (c *console) printf(format string, args ...any) error {
	_, err := fmt.Fprintf(c.text(), format, args...)
	return err
}

// linef prints one line for people on standard output. Whatever text from outside is in
// it, it stays one line.
func (c *console) linef(format string, args ...any) error {
	return c.printf("%s\n", printable(fmt.Sprintf(format, args...)))
}

// text returns standard output for text.
func (c *console) text() io.Writer { return newSafeWriter(c.out) }

func (c *console) note(format string, args ...any) {
	fmt.Fprintln(c.err, style(c.err, "2", "note:")+" "+printable(fmt.Sprintf(format, args...)))
}

func (c *console) warn(format string, args ...any) {
	fmt.Fprintln(c.err, style(c.err, "33", "warning:")+" "+printable(fmt.Sprintf(format, args...)))
}

// bold is for headings on standard output.
func (c *console) bold(text string) string { return style(c.out, "1", text) }

// style sets text in a style of the terminal (ECMA-48, SGR), where there is one
// that wants it.
func style(w any, code, text string) string {
	if terminalWidth(w) == 0 || os.Getenv("NO_COLOR") != "" || os.Getenv("TERM") == "dumb" {
		return text
	}
	return "\x1b[" + code + "m" + text + "\x1b[0m"
}

// interruptible returns standard input as a reader that ends with the context: a
// read of an idle pipe or terminal would outlive any signal.
func (c *console) interruptible(ctx context.Context) io.Reader {
	return &interruptible{ctx: ctx, in: c.in}
}

type interruptible struct {
	ctx context.Context // of the command that reads
	in  io.Reader
	buf []byte
}

func (r *interruptible) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	if len(r.buf) < len(p) {
		r.buf = make([]byte, len(p))
	}
	type result struct {
		n   int
		err error
	}
	done := make(chan result, 1)
	go func(buf []byte) {
		n, err := r.in.Read(buf)
		done <- result{n, err}
	}(r.buf[:len(p)])
	select {
	case <-r.ctx.Done():
		return 0, r.ctx.Err() // the read goes on in its own buffer until the process ends
	case got := <-done:
		return copy(p, r.buf[:got.n]), got.err
	}
}

// terminalWidth returns the columns of a terminal; 0: it is none.
func terminalWidth(w any) int {
	if safe, ok := w.(*safeWriter); ok {
		w = safe.w
	}
	f, ok := w.(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) {
		return 0
	}
	width, _, err := term.GetSize(int(f.Fd()))
	if err != nil || width <= 0 {
		return 80
	}
	return width
}

// plural returns "1 record", "2 records".
func plural(n int64, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
