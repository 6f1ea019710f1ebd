package projector

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/explog/explog/eventlog"
)

// appendFed appends events and hands them to a follower.
func appendFed(t *testing.T, log *eventlog.Log, to chan<- []eventlog.Event, events ...eventlog.Event) {
	t.Helper()
	var appended []eventlog.Event
	_, err := log.Append(ctx, eventlog.Batch{Events: events, Committed: func(committed []eventlog.Event) { appended = committed }})
	if err != nil {
		t.Fatal(err)
	}
	to <- appended
}

func following(t *testing.T, ctx context.Context, p *Projector) (appended chan []eventlog.Event, ended chan error) {
	t.Helper()
	appended, ended = make(chan []eventlog.Event), make(chan error, 1)
	go func() { ended <- p.Follow(ctx, appended) }()
	return appended, ended
}

func leftovers(t *testing.T, p *Projector) []string {
	t.Helper()
	left, err := filepath.Glob(p.Path() + followSuffix + "*")
	if err != nil {
		t.Fatal(err)
	}
	return left
}

func TestFollowBuildsTheViewOfAGrowingLog(t *testing.T) {
	log, p := newStore(t)
	mustAppend(t, log, savedEvents(t, 0, 30)...) // it was there before
	appended, ended := following(t, ctx, p)
	appendFed(t, log, appended, savedEvents(t, 30, 700)...)
	mustAppend(t, log, savedEvents(t, 700, 710)...) // somebody else's
	appendFed(t, log, appended, append(savedEvents(t, 690, 900), rejectEvent(t, 1), deadEvent(1))...)
	mustAppend(t, log, runEvents(t, 1)...)
	close(appended)
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	followed := dump(t, p)
	if s := mustCatchUp(t, p); s.Rebuilt != "" || s.Checkpoint != s.Head || s.Head < 900 {
		t.Errorf("%+v", s)
	}
	if _, err := p.Rebuild(ctx); err != nil {
		t.Fatal(err)
	}
	if rebuilt := dump(t, p); rebuilt != followed {
		t.Error("the followed view is not the rebuilt one")
	}
	if left := leftovers(t, p); left != nil {
		t.Errorf("it leaves %v", left)
	}
}

func TestFollowLeavesTheViewOfSomeoneElse(t *testing.T) {
	log, p := newStore(t)
	appended, ended := following(t, ctx, p)
	appendFed(t, log, appended, savedEvents(t, 0, 10)...)
	mustAppend(t, log, savedEvents(t, 10, 20)...)
	mustCatchUp(t, p) // it is there meanwhile
	before, err := os.Stat(p.Path())
	if err != nil {
		t.Fatal(err)
	}
	close(appended)
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	appended, ended = following(t, ctx, p) // and now it is there at first
	appended <- nil
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	after, err := os.Stat(p.Path())
	if err != nil || !os.SameFile(before, after) {
		t.Errorf("the view was replaced: %v", err)
	}
	if left := leftovers(t, p); left != nil {
		t.Errorf("it leaves %v", left)
	}
}

func TestFollowEndsWithItsContext(t *testing.T) {
	log, p := newStore(t)
	ctx, cancel := context.WithCancel(ctx)
	appended, ended := following(t, ctx, p)
	appendFed(t, log, appended, savedEvents(t, 0, 10)...)
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
	if _, err := os.Stat(p.Path()); !os.IsNotExist(err) || leftovers(t, p) != nil {
		t.Errorf("there is a view, or a part of one: %v, %v", err, leftovers(t, p))
	}
}

func TestAFollowerThatWasKilledIsRemoved(t *testing.T) {
	log, p := newStore(t)
	mustAppend(t, log, savedEvents(t, 0, 10)...)
	killed, atWork := p.Path()+followSuffix+"1", p.Path()+followSuffix+"2"
	for _, path := range []string{killed, atWork} {
		if err := os.WriteFile(path, nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	f, err := os.Open(atWork)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX); err != nil {
		t.Fatal(err)
	}
	if _, err := p.Rebuild(ctx); err != nil {
		t.Fatal(err)
	}
	if left := leftovers(t, p); len(left) != 1 || left[0] != atWork {
		t.Errorf("left: %v", left)
	}
}
