package main

import (
	"io"
	"os/exec"
	"strings"
	"testing"

	"github.com/creack/pty"
)

func TestParquetIsNotForATerminal(t *testing.T) {
	explog, err := exec.LookPath("explog") // the test binary: see TestMain
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(explog, "--dir", t.TempDir(), "export", "--format", "parquet")
	terminal, err := pty.Start(cmd)
	if err != nil {
		t.Skipf("no terminal can be had: %v", err)
	}
	defer terminal.Close()
	screen, _ := io.ReadAll(terminal) // ends in an error when the program has gone
	if code := exitCodeOf(cmd.Wait()); code != 2 {
		t.Errorf("exit code %d, want 2", code)
	}
	if want := "Parquet is not for a terminal: name a file with --output"; !strings.Contains(string(screen), want) {
		t.Errorf("%q is not on the screen: %q", want, screen)
	}
}
