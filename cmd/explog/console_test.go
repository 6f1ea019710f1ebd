package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"time"
)

func TestAnIdleInputEndsWithTheContext(t *testing.T) {
	idle, w := io.Pipe()
	defer w.Close()
	ctx, cancel := context.WithCancel(context.Background())
	r := (&console{in: idle}).interruptible(ctx)
	time.AfterFunc(20*time.Millisecond, cancel)
	if _, err := io.ReadAll(r); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
	if _, err := r.Read(make([]byte, 1)); !errors.Is(err, context.Canceled) {
		t.Errorf("then %v", err)
	}
}

func TestInterruptibleInputIsTheInput(t *testing.T) {
	text := strings.Repeat("all of it ", 10_000)
	got, err := io.ReadAll((&console{in: strings.NewReader(text)}).interruptible(context.Background()))
	if err != nil || string(got) != text {
		t.Errorf("%d bytes, %v", len(got), err)
	}
}

func TestTextFromInputCannotForgeLines(t *testing.T) {
	var out bytes.Buffer
	c := &console{err: &out}
	c.warn("key %s", "a\u001b[31mb\nnote: c\u202e")
	if got, want := out.String(), "warning: key a\\u001b[31mb\\u000anote: c\\u202e\n"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestNearest(t *testing.T) {
	names := []string{"import", "export", "count", "query", "show", "rebuild"}
	for word, want := range map[string]string{
		"imprt": "import", "improt": "import", "exprt": "export", "cuont": "count", "shw": "show", "rebuidl": "rebuild",
		"xyzzy": "", "": "", "a": "", "delete": "",
	} {
		if got := nearest(word, names); got != want {
			t.Errorf("nearest(%q) = %q, want %q", word, got, want)
		}
	}
}
