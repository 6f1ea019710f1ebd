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

// What explog was started to ignore, as nohup does for SIGHUP, the program ignores too.
func TestIgnoredSignalsStayIgnored(t *testing.T) {
	inner := capturing(t, t.TempDir(), "--", "sh", "-c", "echo ready; sleep 0.5; echo done")
	cmd := exec.Command("sh", append([]string{"-c", `trap "" HUP INT; exec "$@"`, "sh"}, inner.Args...)...)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewReader(out)
	if line, err := lines.ReadString('\n'); line != "ready\n" {
		t.Fatalf("%q, %v", line, err)
	}
	if err := errors.Join(cmd.Process.Signal(syscall.SIGHUP), cmd.Process.Signal(syscall.SIGINT)); err != nil {
		t.Fatal(err)
	}
	line, _ := lines.ReadString('\n')
	if code := exitCodeOf(cmd.Wait()); line != "done\n" || code != 0 {
		t.Errorf("%q, exit code %d", line, code)
	}
}

// within wants a command to end in time; else it is killed.
func within(t *testing.T, d time.Duration, cmd *exec.Cmd) int {
	t.Helper()
	late := time.AfterFunc(d, func() { _ = cmd.Process.Kill() })
	err := cmd.Wait()
	if !late.Stop() {
		t.Fatalf("it had not ended after %v", d)
	}
	return exitCodeOf(err)
}

// Something that the program started goes on printing.
func TestALeftOverWriterDoesNotHoldACapture(t *testing.T) {
	cmd := capturing(t, t.TempDir(), "--", "sh", "-c", `(while echo x; do sleep 0.005; done) 2>/dev/null & echo done`)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if code := within(t, 20*time.Second, cmd); code != 0 {
		t.Errorf("exit code %d", code)
	}
}

// Who waits for a store that others hold can be ended.
func TestASignalEndsTheWaitForTheStore(t *testing.T) {
	dir := t.TempDir()
	if err := exec.Command("explog", "--dir", dir, "import", "--file", "../../data/samples/experiments.json").Run(); err != nil {
		t.Fatal(err)
	}
	lock, err := os.Open(filepath.Join(dir, "events.lock"))
	if err != nil {
		t.Fatal(err)
	}
	defer lock.Close()
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX); err != nil {
		t.Fatal(err)
	}
	started := filepath.Join(dir, "started")
	cmd := capturing(t, dir, "--", "touch", started)
	diag, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := bufio.NewReader(diag).ReadString('\n'); err != nil { // its run id: it minds signals soon
		t.Fatal(err)
	}
	time.Sleep(200 * time.Millisecond)
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if code := within(t, 10*time.Second, cmd); code != exitBySignal+int(syscall.SIGTERM) {
		t.Errorf("exit code %d", code)
	}
	if _, err := os.Stat(started); !os.IsNotExist(err) {
		t.Errorf("the program was started: %v", err)
	}
}

// Ctrl-Z where no shell would continue explog is a short rest.
func TestCtrlZWithoutAShell(t *testing.T) {
	cmd := capturing(t, t.TempDir(), "--", "sh", "-c", "echo ready; sleep 1; exit 7")
	terminal, err := pty.Start(cmd)
	if err != nil {
		t.Skipf("no terminal can be had: %v", err)
	}
	defer terminal.Close()
	screen := bufio.NewScanner(terminal)
	for screen.Scan() && !strings.Contains(screen.Text(), "ready") {
	}
	time.Sleep(200 * time.Millisecond) // while it starts sleep, a shell cannot be stopped
	if _, err := terminal.Write([]byte{26}); err != nil {
		t.Fatal(err)
	}
	go func() { _, _ = io.Copy(io.Discard, terminal) }()
	if code := within(t, 20*time.Second, cmd); code != 7 {
		t.Errorf("exit code %d", code)
	}
}

// A program may ask at the terminal though its standard input is something else.
func TestAProgramCanAskAtTheTerminal(t *testing.T) {
	inner := capturing(t, t.TempDir(), "--", "sh", "-c", `echo ready; read answer </dev/tty; exit $answer`)
	cmd := exec.Command("sh", append([]string{"-c", `exec "$@" </dev/null`, "sh"}, inner.Args...)...)
	terminal, err := pty.Start(cmd)
	if err != nil {
		t.Skipf("no terminal can be had: %v", err)
	}
	defer terminal.Close()
	screen := bufio.NewScanner(terminal)
	for screen.Scan() && !strings.Contains(screen.Text(), "ready") {
	}
	if _, err := terminal.Write([]byte("5\n")); err != nil {
		t.Fatal(err)
	}
	go func() { _, _ = io.Copy(io.Discard, terminal) }()
	if code := within(t, 20*time.Second, cmd); code != 5 {
		t.Errorf("exit code %d", code)
	}
}

// A standard error that nobody reads does not hold up the saving.
func TestWarningsDoNotHoldUpTheSaving(t *testing.T) {
	dir := t.TempDir()
	cmd := capturing(t, dir, "--run", "r", "--", "sh", "-c", `i=0; while [ $i -lt 3000 ]; do i=$((i+1)); echo "{\"problem\":\"p $i\",\"solution\":\"s\",\"score\":1.5}"; done; echo ready; sleep 30`)
	unread, diag, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer unread.Close()
	cmd.Stderr = diag
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(cmd.Start(), diag.Close()); err != nil {
		t.Fatal(err)
	}
	if line, err := bufio.NewReader(out).ReadString('\n'); line != "ready\n" {
		t.Fatalf("%q, %v", line, err)
	}
	for deadline := time.Now().Add(20 * time.Second); ; {
		counted, _ := exec.Command(cmd.Path, "--dir", dir, "count").Output()
		if string(counted) == "3000 records\n" {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("after 20 s: %q", counted)
		}
	}
	go func() { _, _ = io.Copy(io.Discard, unread) }()
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	within(t, 20*time.Second, cmd)
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
