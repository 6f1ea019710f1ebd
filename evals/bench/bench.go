package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/explog/explog/evals/latency"
	"github.com/explog/explog/evals/records"
)

// bench is one run of the program.
type bench struct {
	options
	dir     string // temporary
	built   bool   // the binary, by the bench
	diag    io.Writer
	missing [peers]string // why a peer cannot be had; empty: it can
	node    string        // versions of the Node program
	sqlite3 string        // version of the command
}

// peer is what a step needs beside explog.
type peer int

const (
	noPeer peer = iota
	nodePeer
	sqlitePeer
	realText
	peers
)

// realData is the variable that names a folder with gsm8k.jsonl.
const realData = "EXPLOG_REAL_DATA"

// findPeers looks which peers there are, and says which are not.
func (b *bench) findPeers(ctx context.Context) {
	if versions, err := b.runNode(ctx, "versions"); err != nil {
		b.missing[nodePeer] = "the Node program does not run; node and npm install --prefix " + b.reference + " are needed"
	} else {
		b.node = firstLine(versions.out)
	}
	if version, err := finish(exec.CommandContext(ctx, "sqlite3", "--version"), nil); err != nil {
		b.missing[sqlitePeer] = "there is no sqlite3 command"
	} else {
		b.sqlite3, _, _ = strings.Cut(version.out, " ")
	}
	if _, err := os.Stat(realTextPath()); err != nil {
		b.missing[realText] = realData + " names no folder with gsm8k.jsonl"
	}
	for _, why := range b.missing {
		if why != "" {
			fmt.Fprintln(b.diag, "skipped:", why)
		}
	}
}

func realTextPath() string { return os.Getenv(realData) + "/gsm8k.jsonl" }

// seed of the data. Whoever appends more takes another one.
const seed = 1

// arena is where the steps of one scale work: a folder with the data.
type arena struct {
	*bench
	scale    int   // records
	bytes    int64 // of the data
	dir      string
	round    int // from 0
	fresh    int // names given out
	appended int // seeds given out

	bare      *latency.Bare
	kept      string // a store that has the data; empty: not yet
	reference string // the reference's database; empty: not yet
	grown     string // a store of the log alone that has the data
}

// data is the path of the records as JSONL.
func (a *arena) data() string { return filepath.Join(a.dir, "data.jsonl") }

// newPath returns a path that nothing is at.
func (a *arena) newPath(name string) string {
	a.fresh++
	return filepath.Join(a.dir, fmt.Sprintf("%s-%d", name, a.fresh))
}

// measureScale makes the data and measures the cases that are wanted.
func (b *bench) measureScale(ctx context.Context, scale int) (_ scaleReport, err error) {
	a := &arena{bench: b, scale: scale, dir: filepath.Join(b.dir, scaleText(scale))}
	cases := b.casesAt(scale)
	names := stepsOf(cases)
	if err := b.wantRoom(scale, names); err != nil {
		return scaleReport{}, err
	}
	if err := os.Mkdir(a.dir, 0o755); err != nil {
		return scaleReport{}, err
	}
	if !b.keep {
		defer func() { err = errors.Join(err, os.RemoveAll(a.dir)) }()
	}
	if needData(names) {
		b.say("%s: making the data", scaleText(scale))
		if a.bytes, err = writeData(a.data(), scale); err != nil {
			return scaleReport{}, err
		}
	}
	if a.bare, err = latency.OpenBare(a.dir); err != nil {
		return scaleReport{}, err
	}
	defer func() { err = errors.Join(err, a.bare.Close()) }()

	measured, err := a.measure(ctx, names)
	if err != nil {
		return scaleReport{}, err
	}
	report := scaleReport{Records: scale, Bytes: a.bytes}
	for _, c := range cases {
		report.Results = append(report.Results, c.result(measured, scale))
	}
	return report, nil
}

// wantRoom returns an error where the disk has too little room for the data, the
// stores and what is written beside them.
func (b *bench) wantRoom(scale int, names []string) error {
	var disk unix.Statfs_t
	if err := unix.Statfs(b.dir, &disk); err != nil {
		return err
	}
	needed := int64(scale) * 400 // a log
	if needData(names) {
		needed = int64(scale) * 1200 * 6
	}
	if free := int64(disk.Bavail) * disk.Bsize; free < needed {
		return fmt.Errorf("%s records need about %s in %s, and %s are free; set TMPDIR to a folder on another disk",
			scaleText(scale), bytes.text(float64(needed)), b.dir, bytes.text(float64(free)))
	}
	return nil
}

// needData reports whether one of the steps reads the data.
func needData(names []string) bool {
	return slices.ContainsFunc(names, func(name string) bool { return !steps[name].noData })
}

func (b *bench) say(format string, args ...any) { fmt.Fprintf(b.diag, format+"\n", args...) }

// casesAt returns the cases that are wanted, those whose step of ours can be made.
func (b *bench) casesAt(scale int) []contest {
	var wanted []contest
	for _, c := range contests {
		ours := steps[c.ours]
		possible := b.missing[ours.needs] == "" && scale >= ours.from && (!b.guard || c.guard > 0)
		if possible && b.cases.MatchString(c.name) {
			wanted = append(wanted, b.withoutPeer(c, scale))
		}
	}
	return wanted
}

// withoutPeer takes the peer out of a case where it cannot be had.
func (b *bench) withoutPeer(c contest, scale int) contest {
	p := steps[c.peer]
	if b.missing[p.needs] != "" || p.upTo > 0 && scale > p.upTo {
		c.peer = ""
	}
	return c
}

// stepsOf returns what is to be measured for the cases, each step once, in the order
// of the cases: so peers stand next to each other.
func stepsOf(cases []contest) []string {
	var names []string
	for _, c := range cases {
		for _, name := range []string{c.ours, c.peer} {
			if name != "" && !slices.Contains(names, name) {
				names = append(names, name)
			}
		}
	}
	return names
}

// measure runs the steps in turn, as many rounds as are wanted. What was written
// before is on the disk when a step begins, so that none pays for another.
func (a *arena) measure(ctx context.Context, names []string) (map[string][]sample, error) {
	measured := make(map[string][]sample)
	for a.round = range a.runs {
		for _, name := range names {
			s := steps[name]
			if a.round >= s.rounds(a.scale, a.runs) {
				continue
			}
			a.say("%s: round %d of %d: %s", scaleText(a.scale), a.round+1, a.runs, name)
			if s.prepare != nil {
				if err := s.prepare(a, ctx); err != nil {
					return nil, fmt.Errorf("prepare %s: %w", name, err)
				}
			}
			if !a.guard { // its bounds are wide
				unix.Sync()
			}
			got, err := s.run(a, ctx)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", name, err)
			}
			measured[name] = append(measured[name], got)
		}
	}
	return measured, nil
}

// writeData writes the records to a file and returns its size.
func writeData(path string, scale int) (int64, error) {
	f, err := os.Create(path)
	if err != nil {
		return 0, err
	}
	w := bufio.NewWriterSize(f, 1<<20)
	size, err := records.Write(w, seed, scale)
	return size, errors.Join(err, w.Flush(), f.Close())
}
