package main

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestProgressOffATerminalIsPlainAndRare(t *testing.T) {
	path := filepath.Join(t.TempDir(), "in")
	if err := os.WriteFile(path, bytes.Repeat([]byte("x"), 1<<20), 0o644); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	p := newProgress(&console{err: &out})
	clock := p.started
	p.now = func() time.Time { return clock }
	in := p.input(f)
	defer in.Close()
	if _, err := io.ReadFull(in, make([]byte, 1<<18)); err != nil {
		t.Fatal(err)
	}
	for range 100 {
		clock = clock.Add(300 * time.Millisecond)
		p.update(1200)
	}
	p.clear()
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	if len(lines) != 2 || lines[0] != "1200 records  256.0 KiB of 1.0 MiB  118/s  31s left" {
		t.Errorf("%q", lines)
	}
	if strings.ContainsAny(out.String(), "\r\x1b") {
		t.Error("control characters where there is no terminal")
	}
}

func TestTablesFitTheTerminal(t *testing.T) {
	for _, width := range []int{40, 60, 80, 100, 200} {
		var out bytes.Buffer
		tab := newTable(&out, width, strings.ToUpper, column{name: "Id", most: 8, keep: true}, column{name: "Score", most: 6, keep: true, num: true},
			column{name: "Client", most: 20}, column{name: "Run", most: 24}, column{name: "Problem"})
		for range heldRows + 5 {
			if err := tab.row("7d9f3c1e-0f4b", "0.5", "a-client-with-a-name", "exp-2026-04-07-047", "日本語の問題 wide, then\nmore \x1b[31m and "+strings.Repeat("long ", 50)); err != nil {
				t.Fatal(err)
			}
		}
		if err := tab.flush(); err != nil {
			t.Fatal(err)
		}
		lines := strings.Split(strings.TrimSuffix(out.String(), "\n"), "\n")
		if len(lines) != heldRows+6 || !strings.HasPrefix(lines[0], "ID") {
			t.Errorf("width %d: %d lines, %q", width, len(lines), lines[0])
		}
		for _, line := range lines {
			if got := cells(line); got > max(width, 44) {
				t.Fatalf("width %d: a line of %d cells: %q", width, got, line)
			}
		}
	}
}
