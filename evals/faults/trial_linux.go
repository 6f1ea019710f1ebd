package faults

import (
	"context"
	"errors"
	"os"
	"slices"

	"github.com/explog/explog/evals/internal/memfs"
)

// disk is a mounted file system on which commands run.
type disk struct {
	dir     string
	journal *memfs.Journal
	unmount func() error
	// judge is asked for each request of the run; it is called under the journal's lock.
	judge func(memfs.Request) memfs.Verdict
}

// mount mounts an image.
func mount(ctx context.Context, scratch string, im memfs.Image) (*disk, error) {
	dir, err := os.MkdirTemp(scratch, "mount-")
	if err != nil {
		return nil, err
	}
	d := &disk{dir: dir, journal: memfs.NewJournal()}
	d.unmount, err = memfs.Mount(ctx, dir, d.journal, im, memfs.Options{
		Intercept: func(r memfs.Request) memfs.Verdict {
			if d.judge == nil {
				return memfs.Verdict{}
			}
			return d.judge(r)
		},
	})
	if err != nil {
		return nil, errors.Join(err, os.Remove(dir))
	}
	return d, nil
}

// close takes the disk away.
func (d *disk) close() error { return errors.Join(d.unmount(), os.Remove(d.dir)) }

// run runs the scenario's command and waits until the kernel has closed its files. The
// judge may kill the process.
func (d *disk) run(ctx context.Context, binary string, s *scenario, judge func(r memfs.Request, kill func()) memfs.Verdict) (outcome, error) {
	started := make(chan struct{})
	var kill func() error
	d.journal.Do(func() {
		d.judge = func(r memfs.Request) memfs.Verdict {
			return judge(r, func() {
				<-started
				_ = kill() // it has ended already if this fails
			})
		}
	})
	cmd, wait, err := s.start(ctx, binary, d.dir)
	if err != nil {
		return outcome{}, err
	}
	kill = cmd.Process.Kill
	close(started)
	o, err := wait()
	d.journal.WaitIdle()
	d.journal.Do(func() { d.judge = nil })
	return o, err
}

// trial is a command that meets a fault, and is then repeated.
type trial struct {
	*scenario
	step
	// met says that the fault happened. The request may be missing this time, or be one that
	// cannot have the fault: how much a command reads may depend on the moment.
	met           bool
	first, second outcome
	// ops are all operations: those that put files on the disk up to made, those of the
	// first run up to between, those of the second.
	ops           []memfs.Op
	made, between int
}

// try makes a trial.
func (s *scenario) try(ctx context.Context, binary, scratch string, st step) (t *trial, err error) {
	d, err := mount(ctx, scratch, s.disk)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, d.close()) }()
	t = &trial{scenario: s, step: st, made: len(d.journal.Ops())}
	count := make(counter)
	var met memfs.Request
	t.first, err = d.run(ctx, binary, s, func(r memfs.Request, kill func()) memfs.Verdict {
		switch {
		case t.met && mapped(r) && r == met:
		case t.met || count.next(r) != st.target || !slices.Contains(faultsOf(r), st.fault):
			return memfs.Verdict{}
		}
		t.met, met = true, r
		return st.verdict(r, kill)
	})
	if err != nil || !t.met {
		return t, err
	}
	t.between = len(d.journal.Ops())
	t.second, err = d.run(ctx, binary, s, func(memfs.Request, func()) memfs.Verdict { return memfs.Verdict{} })
	t.ops = d.journal.Ops()
	return t, err
}

// rehearse runs a command twice without a fault and lists what its first run
// requests, and what is on the disk in the end.
func (s *scenario) rehearse(ctx context.Context, binary, scratch string) (p *plan, t *trial, err error) {
	d, err := mount(ctx, scratch, s.disk)
	if err != nil {
		return nil, nil, err
	}
	defer func() { err = errors.Join(err, d.close()) }()
	p, t = &plan{}, &trial{scenario: s, made: len(d.journal.Ops())}
	t.first, err = d.run(ctx, binary, s, func(r memfs.Request, _ func()) memfs.Verdict {
		p.add(r)
		return memfs.Verdict{}
	})
	if err != nil {
		return nil, nil, err
	}
	t.between = len(d.journal.Ops())
	t.second, err = d.run(ctx, binary, s, func(memfs.Request, func()) memfs.Verdict { return memfs.Verdict{} })
	t.ops = d.journal.Ops()
	return p, t, err
}
