package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/explog/explog/eventlog/failpoint"
)

// TestFailpoints makes explog die, and makes it fail, at each point around a commit,
// a rename or a sync. After that the other commands go on as if nothing had been,
// and in the end every record that was acknowledged is there once.
func TestFailpoints(t *testing.T) {
	if testing.Short() {
		t.Skip("it runs every command at each of 17 points, twice; run without -short")
	}
	binary := filepath.Join(t.TempDir(), "explog")
	if out, err := exec.Command("go", "build", "-tags", "failpoint", "-o", binary, "github.com/explog/explog/cmd/explog").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	for _, point := range failpoint.All() {
		for _, mode := range []string{"kill", "error"} {
			t.Run(fmt.Sprintf("%s/%s", point, mode), func(t *testing.T) {
				s := &failing{t: t, binary: binary, dir: t.TempDir(), failpoint: fmt.Sprintf("%s=%s", point, mode), mode: mode}
				s.run()
			})
		}
	}
}

// failing is a store whose user meets one failpoint.
type failing struct {
	t                       *testing.T
	binary, dir             string
	failpoint, mode         string
	hit                     bool
	acknowledged, attempted []string // problems
}

// run uses every command that writes.
func (s *failing) run() {
	s.save("first")
	s.save("second")
	s.explog("", "count") // makes the view
	s.importMany(300)
	s.explog("", "count") // brings it up
	if err := os.Remove(filepath.Join(s.dir, "store", "events.index")); err != nil && !errors.Is(err, os.ErrNotExist) {
		s.t.Fatal(err)
	}
	s.save("third") // makes the index again
	s.explog("", "rebuild")
	s.explog("", "backup", filepath.Join(s.dir, "backup.db"))
	s.explog("", "compact")
	s.explog("", "rebuild", "--as-of", "2", "--to", filepath.Join(s.dir, "then.sqlite"))
	if !s.hit {
		s.t.Fatal("no command came to this point")
	}
	s.save("after")
	s.explog("", "compact")
	s.explog("", "rebuild")
	s.check()
}

// explog runs a command, which may be the one that meets the failpoint.
func (s *failing) explog(stdin string, args ...string) bool {
	cmd := exec.Command(s.binary, append([]string{"--dir", filepath.Join(s.dir, "store")}, args...)...)
	cmd.Stdin = strings.NewReader(stdin)
	if !s.hit {
		cmd.Env = append(os.Environ(), "EXPLOG_FAILPOINT="+s.failpoint)
	}
	out, err := cmd.CombinedOutput()
	if err == nil {
		s.hit = s.hit || strings.Contains(string(out), "failpoint ") // the view can wait: that is a note
		return true
	}
	died := !cmd.ProcessState.Exited()
	if s.hit || died != (s.mode == "kill") || !died && (cmd.ProcessState.ExitCode() != 1 || !strings.Contains(string(out), "failpoint")) {
		s.t.Fatalf("explog %s: %v: %s", strings.Join(args, " "), err, out)
	}
	s.hit = true
	return false
}

func (s *failing) save(problem string) { s.records("save", problem) }

func (s *failing) importMany(n int) {
	problems := make([]string, n)
	for i := range problems {
		problems[i] = fmt.Sprintf("problem %d", i)
	}
	s.records("import", problems...)
}

func (s *failing) records(command string, problems ...string) {
	var in strings.Builder
	for _, p := range problems {
		fmt.Fprintf(&in, `{"client_id":"c","run_id":"r","problem":%q,"solution":"s","score":0.5}`+"\n", p)
	}
	s.attempted = append(s.attempted, problems...)
	if s.explog(in.String(), command, "--file", "-") {
		s.acknowledged = append(s.acknowledged, problems...)
	}
}

// check looks at what is there in the end.
func (s *failing) check() {
	s.explog("", "verify")
	out, err := exec.Command(s.binary, "--dir", filepath.Join(s.dir, "store"), "export").Output()
	if err != nil {
		s.t.Fatal(err)
	}
	for _, p := range s.attempted {
		n := strings.Count(string(out), fmt.Sprintf(`"problem":%q`, p))
		if n > 1 || n == 0 && slices.Contains(s.acknowledged, p) {
			s.t.Errorf("%q is there %d times", p, n)
		}
	}
	entries, err := os.ReadDir(filepath.Join(s.dir, "store"))
	if err != nil {
		s.t.Fatal(err)
	}
	for _, e := range entries {
		if strings.Contains(e.Name(), ".new") {
			s.t.Errorf("%s was left behind", e.Name())
		}
	}
}
