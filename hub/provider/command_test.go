package provider

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// program returns the options for one of the programs of runProgram.
func program(what string, args ...string) CommandOptions {
	return CommandOptions{Args: append([]string{os.Args[0], "program", what}, args...), Timeout: time.Minute}
}

func commandOf(t *testing.T, o CommandOptions) *Command {
	t.Helper()
	c, err := NewCommand(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func TestCommandAnswersLineByLine(t *testing.T) {
	c := commandOf(t, program("echo"))
	pids := make(map[string]bool)
	for i := range 3 {
		r := Request{NarrativeID: fmt.Sprint("n", i), Prompt: "P\n", Narrative: "a\nb\u2028 \"c\" 😀", Model: "m", Repeat: i}
		a := mustAnswer(t, c, r)
		if want := fmt.Sprintf("P\n|a\nb\u2028 \"c\" 😀|m|%d", i); a.Text != want || a.Finish != Complete || *a.InputTokens < 50 {
			t.Errorf("got %+v, want %q", a, want)
		}
		pids[fmt.Sprint(fields(t, string(a.Raw))["pid"])] = true
	}
	if len(pids) != 1 {
		t.Errorf("%d processes answered, want one", len(pids))
	}
}

func TestCommandHasAProcessForEachCallAtATime(t *testing.T) {
	c := commandOf(t, program("echo"))
	var all sync.WaitGroup
	for i := range 4 {
		all.Go(func() {
			for k := range 20 {
				id := fmt.Sprintf("n%d-%d", i, k)
				a, err := c.Answer(t.Context(), Request{NarrativeID: id, Narrative: id})
				if err != nil || !strings.Contains(a.Text, id) {
					t.Errorf("%s: %q, %v", id, a.Text, err)
				}
			}
		})
	}
	all.Wait()
	if n := len(c.idle); n < 1 || n > 4 {
		t.Errorf("%d processes wait, want up to 4", n)
	}
}

func TestCommandReadsTextOnOneLine(t *testing.T) {
	o := program("plain")
	o.Input = InputText
	a := mustAnswer(t, commandOf(t, o), Request{Narrative: "a\nb\r\nc\u2028d\te"})
	if _, heard, _ := strings.Cut(a.Text, " heard "); heard != "a b c d\te" {
		t.Errorf("it heard %q", heard)
	}
	a = mustAnswer(t, commandOf(t, o), Request{Narrative: "a", Message: "Is it?\nIn a."})
	if _, heard, _ := strings.Cut(a.Text, " heard "); heard != "Is it? In a." {
		t.Errorf("with a template it heard %q", heard)
	}
}

func TestCommandOnce(t *testing.T) {
	o := program("once")
	o.Mode, o.Input = ModeOnce, InputText
	if a := mustAnswer(t, commandOf(t, o), Request{Narrative: "a\nb"}); a.Text != "first\na\nb\nlast" {
		t.Errorf("got %q", a.Text)
	}
	o = program("echo") // a program for lines that ends with its input
	o.Mode = ModeOnce
	if a := mustAnswer(t, commandOf(t, o), question); a.Text != "Is it so?|He hit her.|m|0" {
		t.Errorf("got %q", a.Text)
	}
	o = program("blind")
	o.Mode = ModeOnce
	if a := mustAnswer(t, commandOf(t, o), Request{Narrative: strings.Repeat("long ", 1<<20)}); a.Text != "whatever it was, yes" {
		t.Errorf("got %q", a.Text)
	}
}

func TestAProgramWithTheIDsOfOthersIsStartedAgain(t *testing.T) {
	wrong := commandOf(t, program("say", `{"id":"n2","text":"yes"}`))
	mustFail(t, wrong, question, Temporary, `answered "n2" when it was asked "n1"`)
	if len(wrong.idle) != 0 {
		t.Error("a process that is out of step was kept")
	}
}

func TestCommandThatEndsBetweenAnswersIsStartedAgain(t *testing.T) {
	c := commandOf(t, program("one more"))
	for range 3 {
		if a := mustAnswer(t, c, question); a.Text != "yes" {
			t.Errorf("got %q", a.Text)
		}
		<-c.idle[0].ended
	}
}

func TestCommandFailures(t *testing.T) {
	for name, tc := range map[string]struct {
		what string
		mode Mode
		kind Kind
		says string
	}{
		"dies":             {"fail", ModeLines, Temporary, "ended without an answer (exit status 3); it said: out of [31mmemory"},
		"dies, once":       {"fail", ModeOnce, Temporary, "ended without an answer (exit status 3); it said: out of"},
		"says nothing":     {"mute", ModeLines, Temporary, "no answer within"},
		"nothing, once":    {"mute", ModeOnce, Temporary, "ended without an answer (exit status 0)"},
		"hangs":            {"hang", ModeLines, Temporary, "no answer within"},
		"hangs, once":      {"closed", ModeOnce, Temporary, "no answer within"},
		"closes":           {"closed", ModeLines, Temporary, "ended without an answer (signal: killed)"},
		"prints too much":  {"endless", ModeLines, Unanswerable, "printed more than 4 MiB"},
		"too much, once":   {"endless", ModeOnce, Unanswerable, "printed more than 4 MiB"},
		"cannot be run":    {"not there", ModeLines, Fatal, "exit status 127"},
		"cannot run, once": {"not there", ModeOnce, Fatal, "exit status 127"},
	} {
		t.Run(name, func(t *testing.T) {
			o := program(tc.what)
			o.Mode = tc.mode
			if strings.Contains(tc.says, "within") {
				o.Timeout = 300 * time.Millisecond
			}
			c := commandOf(t, o)
			failed := mustFail(t, c, question, tc.kind, tc.says)
			if len(c.idle) != 0 {
				t.Error("the process was kept")
			}
			if tc.kind == Unanswerable && len(failed.Raw) != mostRaw {
				t.Errorf("the error keeps %d bytes", len(failed.Raw))
			}
		})
	}
}

func TestCommandOfTenMegabytesInIsAnswered(t *testing.T) {
	narrative := strings.Repeat("0123456789abcde\n", 10<<16)
	a, err := commandOf(t, program("echo")).Answer(t.Context(), Request{NarrativeID: "n", Narrative: narrative})
	var failed *Error
	if !errors.As(err, &failed) || failed.Kind != Unanswerable { // it echoes as much
		t.Errorf("got %d bytes and %v", len(a.Text), err)
	}
	o := program("say", "yes")
	if a := mustAnswer(t, commandOf(t, o), Request{Narrative: narrative}); a.Text != "yes" {
		t.Errorf("got %q", a.Text)
	}
}

// lives reports whether a process goes on running.
func lives(pid int) bool {
	for range 200 {
		stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		if err == nil && strings.Contains(string(stat), ") Z ") || syscall.Kill(pid, 0) != nil {
			return false // in the first case nobody has waited for it yet
		}
		time.Sleep(10 * time.Millisecond) // it was killed, but may not have ended
	}
	return true
}

// noted reads the number of a process from a file.
func noted(t *testing.T, file string) int {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	pid, err := strconv.Atoi(string(text))
	if err != nil {
		t.Fatal(err)
	}
	return pid
}

func TestCommandThatHangsIsKilledWithItsChildrenAndStartedAgain(t *testing.T) {
	dir := t.TempDir()
	o := program("hang once", filepath.Join(dir, "ran"), filepath.Join(dir, "child"))
	o.Timeout = 3 * time.Second
	c := commandOf(t, o)
	mustFail(t, c, question, Temporary, "no answer within 3s")
	if lives(noted(t, filepath.Join(dir, "child"))) {
		t.Error("the child of the killed program lives")
	}
	if a := mustAnswer(t, c, question); a.Text != "at last" {
		t.Errorf("got %q", a.Text)
	}
}

func TestCommandDoesNotWaitForWhatAProgramLeavesBehind(t *testing.T) {
	for _, what := range []string{"nursery", "runaway"} {
		child := filepath.Join(t.TempDir(), "child")
		o := program(what, child)
		o.Mode, o.Input = ModeOnce, InputText
		if a := mustAnswer(t, commandOf(t, o), Request{Narrative: "yes"}); a.Text != "yes" {
			t.Errorf("%s: got %q", what, a.Text)
		}
		pid := noted(t, child)
		if what == "runaway" { // it is none of the program's group
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
		if lives(pid) {
			t.Errorf("%s: what the program started lives", what)
		}
	}
}

func TestCommandHonoursTheContext(t *testing.T) {
	for _, mode := range []Mode{ModeLines, ModeOnce} {
		o := program("hang")
		o.Mode = mode
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		_, err := commandOf(t, o).Answer(ctx, question)
		cancel()
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%s: %v", mode, err)
		}
	}
}

func TestCommandOptionsAreChecked(t *testing.T) {
	plain := filepath.Join(t.TempDir(), "plain")
	if err := os.WriteFile(plain, []byte("hello"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct {
		o    CommandOptions
		says string
	}{
		"no program":      {CommandOptions{}, "no program"},
		"empty program":   {CommandOptions{Args: []string{""}}, "no program"},
		"not in the path": {CommandOptions{Args: []string{"explog-no-such-program"}}, "program explog-no-such-program could not be started: executable file not found in $PATH"},
		"not there":       {CommandOptions{Args: []string{"./no-such-program"}}, "no such file"},
		"not executable":  {CommandOptions{Args: []string{plain}}, "permission denied"},
		"mode":            {CommandOptions{Args: []string{"true"}, Mode: "twice"}, `lines or once, not "twice"`},
		"input":           {CommandOptions{Args: []string{"true"}, Input: "xml"}, `json or text, not "xml"`},
	} {
		_, err := NewCommand(tc.o)
		var failed *Error
		if !errors.As(err, &failed) || failed.Kind != Fatal || !strings.Contains(err.Error(), tc.says) {
			t.Errorf("%s: got %v, want a fatal error that says %q", name, err, tc.says)
		}
	}
}

func TestCommandThatIsNoProgramIsFatal(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{"garbage": "\x00\x01", "interpreter": "#!/no/such/interpreter\n"} {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o700); err != nil {
			t.Fatal(err)
		}
		mustFail(t, commandOf(t, CommandOptions{Args: []string{path}}), question, Fatal, "could not be started")
	}
}

func TestCommandRunsWhereItIsTold(t *testing.T) {
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	self, err := filepath.Abs(os.Args[0])
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(self, filepath.Join(dir, "answerer")); err != nil {
		t.Fatal(err)
	}
	c := commandOf(t, CommandOptions{Args: []string{"./answerer", "program", "directory"}, Dir: dir})
	if a := mustAnswer(t, c, question); a.Text != dir {
		t.Errorf("it ran in %s, want %s", a.Text, dir)
	}
}

func TestCommandGetsTheEnvironment(t *testing.T) {
	t.Setenv("EXPLOG_TEST_SAYS", "hello")
	t.Setenv("PYTHONUNBUFFERED", "")
	if a := mustAnswer(t, commandOf(t, program("environment")), question); a.Text != "1 hello" {
		t.Errorf("got %q", a.Text)
	}
}

// TestCommandWithFastText has a program answer that knows nothing of us: Debian's
// fasttext, as it is, trained on a few lines.
func TestCommandWithFastText(t *testing.T) {
	fasttext, err := exec.LookPath("fasttext")
	if err != nil {
		t.Skip("fasttext is not installed: the test with a foreign program is skipped")
	}
	dir := t.TempDir()
	lines := strings.Repeat("__label__1 he hit her and strangled her\n__label__0 the car hit a tree in the rain\n", 50)
	if err := os.WriteFile(filepath.Join(dir, "train"), []byte(lines), 0o600); err != nil {
		t.Fatal(err)
	}
	train := exec.Command(fasttext, "supervised", "-input", "train", "-output", "model", "-thread", "1", "-epoch", "25", "-lr", "1", "-dim", "10", "-bucket", "1000")
	train.Dir = dir
	if out, err := train.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	c := commandOf(t, CommandOptions{
		Args: []string{"fasttext", "predict-prob", "model.bin", "-"}, Dir: dir, Input: InputText,
	})
	for narrative, want := range map[string]string{
		"he strangled\nher": "__label__1 ", "a tree in\r\nthe rain": "__label__0 ", "the car": "__label__0 ", "her": "__label__1 ",
	} {
		if a := mustAnswer(t, c, Request{Narrative: narrative}); !strings.HasPrefix(a.Text, want) {
			t.Errorf("%q: got %s, want %s", narrative, a.Text, want)
		}
	}
}
