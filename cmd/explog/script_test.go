package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/urfave/cli/v3"
	"go.uber.org/goleak"
)

// TestMain makes the command explog available to the scripts: the test binary
// itself, in a process of its own.
func TestMain(m *testing.M) {
	testscript.Main(leakless{m}, map[string]func(){"explog": main})
}

// leakless fails if the tests leave goroutines behind.
type leakless struct{ *testing.M }

func (l leakless) Run() int {
	code := l.M.Run()
	if err := goleak.Find(); err != nil && code == 0 {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return code
}

// TestScripts runs the commands as people do: see testdata/script. Most scripts
// end with explog verify.
func TestScripts(t *testing.T) {
	if testing.Short() {
		t.Skip("the scripts take a minute, with the race detector several; run without -short")
	}
	testscript.Run(t, params("testdata/script"))
}

func params(dir string) testscript.Params {
	return testscript.Params{
		Dir:                 dir,
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup: func(env *testscript.Env) error {
			env.Setenv("NO_COLOR", "1")
			env.Setenv("REAL_DATA", os.Getenv("EXPLOG_REAL_DATA"))
			env.Setenv("PYTHON", python())
			repo, err := filepath.Abs("../..")
			env.Setenv("REPO", repo)
			return err
		},
		Condition: func(cond string) (bool, error) {
			if cond == "realdata" {
				return os.Getenv("EXPLOG_REAL_DATA") != "", nil
			}
			if cond == "root" {
				return os.Getuid() == 0, nil
			}
			if cond == "pandas" {
				return exec.Command(python(), "-c", "import pandas").Run() == nil, nil
			}
			if cond == "rsqlite" {
				return exec.Command("Rscript", "-e", "library(RSQLite); library(hms); library(dplyr)").Run() == nil, nil
			}
			return false, fmt.Errorf("unknown condition %q", cond)
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits":        exits,
			"asnobody":     asNobody,
			"helpexamples": helpExamples,
			"lines":        lines,
			"bytes":        writeBytes,
			"block":        block,
			"samecolumns":  sameColumns,
		},
	}
}

// exits CODE explog ARGS… runs a command and wants this exit code.
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE PROGRAM ARGS…")
	}
	err := ts.Exec(args[1], args[2:]...)
	got := "0"
	if err != nil {
		m := regexp.MustCompile(`^exit status (\d+)$`).FindStringSubmatch(err.Error())
		if m == nil {
			ts.Fatalf("%v", err)
		}
		got = m[1]
	}
	if got != args[0] {
		ts.Fatalf("exit code %s, want %s", got, args[0])
	}
}

// asnobody CODE PROGRAM ARGS… is exits for another user, without any rights; it
// needs root.
func asNobody(ts *testscript.TestScript, _ bool, args []string) {
	dir := ts.MkAbs(".")
	binary := filepath.Join(dir, ".bin", args[1]) // the script's own stands where only root may look
	self, err := os.Executable()
	ts.Check(err)
	if _, err := os.Stat(binary); err != nil {
		ts.Check(os.MkdirAll(filepath.Dir(binary), 0o755))
		// Another process writes it: what this one has open for writing could be
		// inherited by what it starts meanwhile, and could not be run then.
		ts.Check(exec.Command("cp", self, binary).Run())
		ts.Check(os.Chmod(binary, 0o755))
	}
	for up := dir; up != filepath.Clean(os.TempDir()) && up != "/"; up = filepath.Dir(up) {
		ts.Check(os.Chmod(up, 0o755))
	}
	cmd := exec.Command(binary, args[2:]...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "TMPDIR=/tmp")
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	var out, diag strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &diag
	if err := cmd.Run(); cmd.ProcessState == nil {
		ts.Fatalf("%v", err)
	}
	ts.Logf("%s%s", out.String(), diag.String())
	if got := fmt.Sprint(cmd.ProcessState.ExitCode()); got != args[0] {
		ts.Fatalf("exit code %s, want %s", got, args[0])
	}
	ts.Check(os.WriteFile(ts.MkAbs("out"), []byte(out.String()), 0o644))
	ts.Check(os.WriteFile(ts.MkAbs("err"), []byte(diag.String()), 0o644))
}

// lines FILE N wants a file of N lines.
func lines(ts *testscript.TestScript, _ bool, args []string) {
	if got := fmt.Sprint(strings.Count(ts.ReadFile(args[0]), "\n")); got != args[1] {
		ts.Fatalf("%s has %s lines, want %s", args[0], got, args[1])
	}
}

// bytes FILE TEXT… writes a file; \xHH in the text is one byte.
func writeBytes(ts *testscript.TestScript, _ bool, args []string) {
	text := strings.Join(args[1:], " ")
	var out strings.Builder
	for i := 0; i < len(text); i++ {
		if strings.HasPrefix(text[i:], `\x`) && i+4 <= len(text) {
			var b byte
			_, err := fmt.Sscanf(text[i+2:i+4], "%02x", &b)
			ts.Check(err)
			out.WriteByte(b)
			i += 3
			continue
		}
		out.WriteByte(text[i])
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(out.String()), 0o644))
}

// helpExamples runs each line of a help text that begins with two spaces and calls
// explog, in a shell.
func helpExamples(ts *testscript.TestScript, _ bool, _ []string) {
	n := 0
	var visit func(cmd *cli.Command)
	visit = func(cmd *cli.Command) {
		for line := range strings.SplitSeq(cmd.Description, "\n") {
			if !strings.HasPrefix(line, "  ") || !strings.Contains(line, "explog ") {
				continue
			}
			if strings.Contains(line, "jq ") {
				continue // it is not everywhere
			}
			n++
			ts.Logf("%s", line)
			if err := ts.Exec("sh", "-c", strings.TrimSpace(line)); err != nil {
				ts.Fatalf("the example of %s fails: %s: %v", cmd.Name, line, err)
			}
		}
		for _, sub := range cmd.Commands {
			visit(sub)
		}
	}
	visit(newRootCommand(&console{}))
	if n < 20 {
		ts.Fatalf("only %d examples", n)
	}
}
