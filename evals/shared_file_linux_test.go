package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// sharedRig has several names for one log file, and processes that save through all
// of them at once.
type sharedRig struct {
	*testing.T
	binary program
	dir    string
	mu     sync.Mutex
	acked  []string // ids that a save printed
	failed int      // saves that were refused
}

func newSharedRig(t *testing.T) *sharedRig {
	r := &sharedRig{T: t, binary: builtBinary(t), dir: t.TempDir()}
	r.mkdir("real")
	r.save(r.command("real"), "first")
	return r
}

func (r *sharedRig) path(name ...string) string {
	return filepath.Join(append([]string{r.dir}, name...)...)
}

func (r *sharedRig) mkdir(name string) {
	r.Helper()
	if err := os.Mkdir(r.path(name), 0o755); err != nil {
		r.Fatal(err)
	}
}

// must ends the test on an error.
func (r *sharedRig) must(err error) {
	r.Helper()
	if err != nil {
		r.Fatal(err)
	}
}

// command returns a function that makes commands on a folder.
func (r *sharedRig) command(store string) func(args ...string) *exec.Cmd {
	return func(args ...string) *exec.Cmd {
		return r.binary.command(context.Background(), r.path(store), args...)
	}
}

// mounted is command, in a mount namespace in which events.db of the folder is the one
// of the real store.
func (r *sharedRig) mounted(store string) func(args ...string) *exec.Cmd {
	const script = `mount --bind "$1" "$2" && shift 2 && exec "$@"`
	return func(args ...string) *exec.Cmd {
		direct := r.command(store)(args...)
		cmd := exec.Command("sh", append([]string{"-c", script, "sh", r.path("real", "events.db"), r.path(store, "events.db")}, direct.Args...)...)
		cmd.SysProcAttr = &syscall.SysProcAttr{Unshareflags: syscall.CLONE_NEWNS}
		return cmd
	}
}

// save saves one record. What the command acknowledges must be in the log for ever.
func (r *sharedRig) save(command func(args ...string) *exec.Cmd, problem string) {
	cmd := command("save")
	cmd.Stdin = strings.NewReader(fmt.Sprintf(`{"client_id":"c","run_id":"r","problem":%q,"solution":"s","score":0.5}`, problem))
	e := finish(cmd)
	r.mu.Lock()
	defer r.mu.Unlock()
	if e.code == 0 {
		r.acked = append(r.acked, strings.TrimSpace(e.out))
		return
	}
	r.failed++
	r.Logf("refused: %v", e)
}

// saveAll saves through each of the commands at the same time.
func (r *sharedRig) saveAll(commands ...func(args ...string) *exec.Cmd) {
	var savers sync.WaitGroup
	for i, command := range commands {
		savers.Go(func() {
			for n := range r.each() {
				r.save(command, fmt.Sprintf("%d of saver %d", n, i))
			}
		})
	}
	savers.Wait()
}

// each is how many records a saver saves.
func (r *sharedRig) each() int {
	if *long {
		return 60
	}
	return 8
}

// check wants each acknowledged record once in the log, under every name of it.
func (r *sharedRig) check(commands ...func(args ...string) *exec.Cmd) {
	r.Helper()
	for _, command := range commands {
		if e := finish(command("verify")); e.code != 0 {
			r.Error(e)
		}
		e := finish(command("export"))
		if e.code != 0 {
			r.Error(e)
		}
		for _, id := range r.acked {
			if n := strings.Count(e.out, id); n != 1 {
				r.Errorf("%s: the acknowledged record %s is there %d times", strings.Join(e.args, " "), id, n)
			}
		}
	}
}

// wantAllSaved wants that no save was refused.
func (r *sharedRig) wantAllSaved() {
	r.Helper()
	if r.failed > 0 {
		r.Errorf("%d saves were refused", r.failed)
	}
}

// TestSharedFile saves through several names of one log file at once.
func TestSharedFile(t *testing.T) {
	rounds := 1
	if *long {
		rounds = 8
	}
	for name, test := range map[string]func(*sharedRig){
		"hard link":             savesThroughAHardLink,
		"symbolic link":         savesThroughASymbolicLink,
		"link to the folder":    savesThroughALinkToTheFolder,
		"lock file removed":     savesWhileTheLockFileIsRemoved,
		"captured and saved":    capturesAndSavesThroughAHardLink,
		"mount":                 savesThroughAMount,
		"compacted, mounted":    compactsUnderAMount,
		"compacted, linked":     compactsBesideALink,
		"folder moved, capture": capturesIntoAFolderThatMoves,
	} {
		t.Run(name, func(t *testing.T) {
			for range rounds {
				test(newSharedRig(t))
			}
		})
	}
}

func savesThroughAHardLink(r *sharedRig) {
	r.mkdir("other")
	r.must(os.Link(r.path("real", "events.db"), r.path("other", "events.db")))
	r.saveAll(r.command("real"), r.command("other"))
	r.wantAllSaved()
	r.check(r.command("real"), r.command("other"))
}

func savesThroughASymbolicLink(r *sharedRig) {
	r.mkdir("other")
	r.must(os.Symlink("../real/events.db", r.path("other", "events.db")))
	r.saveAll(r.command("real"), r.command("other"))
	r.wantAllSaved()
	r.check(r.command("real"), r.command("other"))
}

func savesThroughALinkToTheFolder(r *sharedRig) {
	r.must(os.Symlink("real", r.path("other")))
	r.saveAll(r.command("real"), r.command("other"))
	r.wantAllSaved()
	r.check(r.command("real"), r.command("other"))
}

// Somebody takes events.lock for a stale file.
func savesWhileTheLockFileIsRemoved(r *sharedRig) {
	stop := make(chan struct{})
	var remover sync.WaitGroup
	remover.Go(func() {
		for {
			select {
			case <-stop:
				return
			case <-time.After(2 * time.Millisecond):
				os.Remove(r.path("real", "events.lock"))
			}
		}
	})
	r.saveAll(r.command("real"), r.command("real"))
	close(stop)
	remover.Wait()
	r.wantAllSaved()
	r.check(r.command("real"))
}

// A long capture writes through one name, short saves through the other.
func capturesAndSavesThroughAHardLink(r *sharedRig) {
	r.mkdir("other")
	r.must(os.Link(r.path("real", "events.db"), r.path("other", "events.db")))
	n := r.each()
	script := fmt.Sprintf(`i=0; while [ $i -lt %d ]; do i=$((i+1)); echo "{\"problem\":\"captured $i\",\"solution\":\"s\",\"score\":0.5}"; sleep 0.02; done`, n)
	captured := make(chan ended)
	go func() { captured <- finish(r.command("real")("capture", "--client", "c", "--", "sh", "-c", script)) }()
	r.saveAll(r.command("other"))
	if e := <-captured; e.code != 0 {
		r.Error(e)
	}
	r.wantAllSaved()
	r.check(r.command("real"), r.command("other"))
	if e := finish(r.command("other")("count")); e.out != fmt.Sprintf("%d records\n", 2*n+1) {
		r.Errorf("%v; want %d captured and %d saved", e, n, n+1)
	}
}

// mount makes a folder in which only the log's file is mounted, as in a container.
func (r *sharedRig) mount() func(args ...string) *exec.Cmd {
	if os.Geteuid() != 0 {
		r.Skip("mounting a file requires root")
	}
	r.mkdir("mounted")
	r.must(os.WriteFile(r.path("mounted", "events.db"), nil, 0o644))
	if e := finish(r.mounted("mounted")("--version")); e.code != 0 {
		r.Skipf("this machine does not mount a file in a namespace: %v", e)
	}
	return r.mounted("mounted")
}

func savesThroughAMount(r *sharedRig) {
	mounted := r.mount()
	r.saveAll(r.command("real"), mounted)
	r.wantAllSaved()
	r.check(r.command("real"), mounted)
}

// Compact replaces the file; the mount keeps the old one, which has no name any more.
// What is saved into that one would be acknowledged and gone.
func compactsUnderAMount(r *sharedRig) {
	r.mount()
	for _, args := range [][]string{{"save"}, {"count"}, {"verify"}, {"compact"}} {
		const script = `mount --bind "$1" "$2" && shift 2 && "$0" --dir "$1" compact && shift && exec "$@"`
		then := r.command("mounted")(args...)
		cmd := exec.Command("sh", append([]string{
			"-c", script, string(r.binary), r.path("real", "events.db"), r.path("mounted", "events.db"), r.path("real"),
		}, then.Args...)...)
		cmd.SysProcAttr = &syscall.SysProcAttr{Unshareflags: syscall.CLONE_NEWNS}
		cmd.Stdin = strings.NewReader(`{"client_id":"c","run_id":"r","problem":"p","solution":"s","score":0.5}`)
		if e := finish(cmd); e.code != 1 || !strings.Contains(e.diag, "mount the folder, not the file") {
			r.Errorf("%v; want it refused", e)
		}
	}
	r.check(r.command("real"))
}

// Compact gives one name a file of its own while the other one is written to. Each
// keeps what was saved through it.
func compactsBesideALink(r *sharedRig) {
	r.mkdir("other")
	r.must(os.Symlink("../real/events.db", r.path("other", "events.db")))
	stop := make(chan struct{})
	var compactor sync.WaitGroup
	compactor.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
				if e := finish(r.command("other")("compact")); e.code != 0 {
					r.Error(e)
				}
			}
		}
	})
	r.saveAll(r.command("real"), r.command("other"))
	close(stop)
	compactor.Wait()
	r.wantAllSaved()
	r.check(r.command("real"), r.command("other"))
}

// The folder is moved and replaced while a program is captured. Capture must not go on
// in another log without a word.
func capturesIntoAFolderThatMoves(r *sharedRig) {
	const script = `printf '%s\n' '{"problem":"before","solution":"s","score":0.5}'; sleep 0.3
mv "$0" "$0.moved"; mkdir "$0"
printf '%s\n' '{"problem":"after","solution":"s","score":0.5}'; sleep 0.3`
	e := finish(r.command("real")("capture", "--client", "c", "--", "sh", "-c", script, r.path("real")))
	if e.code != 125 || !strings.Contains(e.diag, "was moved or removed") || !strings.Contains(e.out, `"after"`) {
		r.Errorf("%v; want exit code 125, the reason, and the record that was not stored", e)
	}
	if _, err := os.Stat(r.path("real", "events.db")); err == nil {
		r.Error("a second log was made")
	}
	r.check(r.command("real.moved"))
	if e := finish(r.command("real.moved")("count")); e.out != "2 records\n" {
		r.Errorf("%v; want what was saved before the move", e)
	}
}
