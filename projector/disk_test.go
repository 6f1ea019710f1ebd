package projector

import (
	"errors"
	"os"
	"runtime"
	"syscall"
	"testing"
)

// TestAViewThatCannotBeReadIsNotReplaced: an error of the disk stops explog and is
// named. Only who asks for a rebuild gets another file.
func TestAViewThatCannotBeReadIsNotReplaced(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("skipped: a file that cannot be read (there is none on " + runtime.GOOS + ")")
	}
	log, p := newStore(t)
	mustAppend(t, log, savedEvents(t, 0, 20)...)
	mustCatchUp(t, p)
	want := dump(t, p)
	must(t, removeView(p.Path()))
	must(t, os.Symlink("/proc/self/mem", p.Path())) // reading its beginning is EIO
	for name, use := range map[string]func() error{
		"catch up": func() error { _, err := p.CatchUp(ctx); return err },
		"status":   func() error { _, err := p.State(ctx); return err },
		"verify":   func() error { _, err := p.Verify(ctx); return err },
	} {
		if err := use(); !errors.Is(err, syscall.EIO) {
			t.Errorf("%s: %v", name, err)
		}
		if to, err := os.Readlink(p.Path()); err != nil || to != "/proc/self/mem" {
			t.Fatalf("%s: the file was replaced: %v", name, err)
		}
	}
	_, err := p.Rebuild(ctx)
	must(t, err)
	if got := dump(t, p); got != want {
		t.Errorf("rebuilt: %s", got)
	}
}
