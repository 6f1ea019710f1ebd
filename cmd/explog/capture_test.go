package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/creack/pty"
)

// counts prints how many interrupts it got and ends with that number.
const counts = `n=0
trap 'n=$((n+1))' INT
echo '{"problem":"p","solution":"s","score":0.5}'
echo ready
i=0
while [ $i -lt 50 ]; do
  sleep 0.1
  i=$((i+1))
  if [ $n -gt 0 ]; then sleep 0.3; exit $n; fi
done
exit 99`

func capturing(t *testing.T, dir string, args ...string) *exec.Cmd {
	t.Helper()
	explog, err := exec.LookPath("explog") // the test binary: see TestMain
	if err != nil {
		t.Fatal(err)
	}
	return exec.Command(explog, append([]string{"--dir", dir, "capture", "--client", "c"}, args...)...)
}

func exitCodeOf(err error) int {
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return exit.ExitCode()
	}
	return 0
}

// Ctrl-C on a terminal is for the program, once.
func TestCtrlCReachesTheProgramOnce(t *testing.T) {
	cmd := capturing(t, t.TempDir(), "--", "sh", "-c", counts)
	terminal, err := pty.Start(cmd)
	if err != nil {
		t.Skipf("no terminal can be had: %v", err)
	}
	defer terminal.Close()
	screen := bufio.NewScanner(terminal)
	for screen.Scan() && !strings.Contains(screen.Text(), "ready") {
	}
	if _, err := terminal.Write([]byte{3}); err != nil {
		t.Fatal(err)
	}
	go func() { _, _ = io.Copy(io.Discard, terminal) }()
	if code := exitCodeOf(cmd.Wait()); code != 1 {
		t.Errorf("exit code %d, want 1: the number of interrupts", code)
	}
}

// A signal to explog is passed on, once.
func TestSignalsArePassedOn(t *testing.T) {
	cmd := capturing(t, t.TempDir(), "--restarts", "3", "--", "sh", "-c", counts)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if line, err := bufio.NewReader(out).ReadString('\n'); line != "ready\n" {
		t.Fatalf("%q, %v", line, err)
	}
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	if code := exitCodeOf(cmd.Wait()); code != 1 {
		t.Errorf("exit code %d, want 1: the number of interrupts, and no restart", code)
	}
}

// Killed with SIGKILL, explog leaves all that it acknowledged.
func TestCaptureKilledKeepsWhatWasAcknowledged(t *testing.T) {
	dir := t.TempDir()
	cmd := capturing(t, dir, "--ack")
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ids := bufio.NewScanner(out)
	for n := range 20 { // a co-process: one record, one answer
		fmt.Fprintf(in, `{"problem":"p %d","solution":"s","score":0.5}`+"\n", n)
		if !ids.Scan() {
			t.Fatal("no answer")
		}
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	counted, err := exec.Command(cmd.Path, "--dir", dir, "count").Output()
	if err != nil || string(counted) != "20 records\n" {
		t.Errorf("%q, %v", counted, err)
	}
}

// Interrupted while it waits for standard input, explog ends at once, and what came
// is saved.
func TestInterruptEndsACaptureOfStandardInput(t *testing.T) {
	dir := t.TempDir()
	cmd := capturing(t, dir, "--ack")
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	var diag bytes.Buffer
	cmd.Stderr = &diag
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	fmt.Fprintln(in, `{"problem":"p","solution":"s","score":0.5}`)
	if !bufio.NewScanner(out).Scan() {
		t.Fatal("no answer")
	}
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	if code := exitCodeOf(cmd.Wait()); code != exitFailed || !strings.Contains(diag.String(), "interrupted") {
		t.Errorf("exit code %d, %s", code, diag.String())
	}
}

// A disk that fills up ends the program, and what could not be saved is printed.
func TestCaptureOnAFullDisk(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("a small disk needs root")
	}
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=2m"); err != nil {
		t.Skipf("no tmpfs here: %v", err)
	}
	defer func() {
		if err := syscall.Unmount(dir, 0); err != nil {
			t.Error(err)
		}
	}()
	program := `i=0
while :; do
  i=$((i+1))
  echo "{\"problem\":\"p $i\",\"solution\":\"$(head -c 6000 /dev/urandom | od -An -tx1 | tr -d ' \n')\",\"score\":0.5}"
done`
	cmd := capturing(t, filepath.Join(dir, "s"), "--run", "r", "--", "sh", "-c", program)
	var out, diag bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &diag
	if code := exitCodeOf(cmd.Run()); code != exitUnsaved || !strings.Contains(diag.String(), "no space left on device") {
		t.Fatalf("exit code %d, %s", code, diag.String())
	}
	elsewhere := t.TempDir() // with room for a view
	log, err := os.ReadFile(filepath.Join(dir, "s", "events.db"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(elsewhere, "events.db"), log, 0o644); err != nil {
		t.Fatal(err)
	}
	saved, err := exec.Command(cmd.Path, "--dir", elsewhere, "export").Output()
	if err != nil {
		t.Fatal(err)
	}
	number := regexp.MustCompile(`"problem":"p (\d+)"`)
	for n, match := range number.FindAllStringSubmatch(string(saved)+out.String(), -1) {
		if match[1] != fmt.Sprint(n+1) {
			t.Fatalf("record %d is neither saved nor printed, or is both: %s follows", n+1, match[1])
		}
	}
	if !number.MatchString(out.String()) || !number.Match(saved) {
		t.Errorf("saved %d bytes, printed %d", len(saved), out.Len())
	}
	if err := os.Remove(filepath.Join(dir, "s", "experiments.sqlite")); err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	if verified, err := exec.Command(cmd.Path, "--dir", filepath.Join(dir, "s"), "verify").CombinedOutput(); err != nil {
		t.Errorf("%v: %s", err, verified)
	}
}

// Records are on disk soon after they were printed, though the program goes on.
func TestCaptureIsPrompt(t *testing.T) {
	dir := t.TempDir()
	cmd := capturing(t, dir, "--run", "r", "--", "sh", "-c", `echo '{"problem":"p","solution":"s","score":0.5}'; sleep 30`)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = cmd.Wait() }()
	defer func() { _ = cmd.Process.Signal(syscall.SIGTERM) }()
	deadline := time.Now().Add(10 * time.Second)
	for {
		out, _ := exec.Command(cmd.Path, "--dir", dir, "count").Output()
		if string(out) == "1 record\n" {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("after 10 s: %q", out)
		}
	}
}
