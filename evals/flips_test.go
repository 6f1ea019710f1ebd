package main

import (
	"fmt"
	"os"
	"testing"
)

// damage is one change to a file of a store.
type damage struct {
	file   string
	what   string
	change func([]byte) []byte
	// noView takes the view away, so that what reads must read the log.
	noView bool
	// then is what must hold where the store was usable all the same.
	then func(f *flipRig, store string) error
}

func flipped(file string, offset, bit int) damage {
	return damage{file: file, what: fmt.Sprintf("byte %d, bit %d", offset, bit), change: func(b []byte) []byte {
		b[offset] ^= 1 << bit
		return b
	}}
}

func cut(file string, size int) damage {
	return damage{file: file, what: fmt.Sprintf("cut to %d bytes", size), change: func(b []byte) []byte { return b[:size] }}
}

// TestFlipsInTheLog flips bits all over events.db.
func TestFlipsInTheLog(t *testing.T) {
	f := newFlipRig(t)
	var all []damage
	for i := range f.howMany(50, 2000) {
		d := flipped("events.db", f.random.IntN(f.size("events.db")), f.random.IntN(8))
		d.noView = i%2 == 0
		all = append(all, d)
	}
	f.run(all)
}

// TestFlipsWhereBboltLooks flips bits of the pages that bbolt believes: both meta
// pages and the freelist. Where the log can still be used, it is then written to:
// that must cost nothing of what it had.
func TestFlipsWhereBboltLooks(t *testing.T) {
	f := newFlipRig(t)
	page := os.Getpagesize()
	var all []damage
	for bit := range 8 * metaSize {
		all = append(all, flipped("events.db", bit/8, bit%8), flipped("events.db", page+bit/8, bit%8))
	}
	all = f.sample(all, 24)
	freelist := f.freelist()
	var free []damage
	for bit := 0; bit < 8*200; bit += 4 {
		free = append(free, flipped("events.db", freelist*page+bit/8, bit%8))
	}
	all = append(all, f.sample(free, 12)...)
	for i := range all {
		all[i].then = (*flipRig).appendMore
	}
	f.run(all)
}

// TestCutsOfTheLog cuts events.db at page boundaries.
func TestCutsOfTheLog(t *testing.T) {
	f := newFlipRig(t)
	var all []damage
	for size := 0; size < f.size("events.db"); size += os.Getpagesize() {
		d := cut("events.db", size)
		bare := d
		bare.noView = true
		all = append(all, d, bare)
	}
	f.run(f.sample(all, 20))
}

// TestFlipsBesideTheLog flips bits of the index and of the lock file with its seal.
// The log is whole, so nothing less than the right data will do.
func TestFlipsBesideTheLog(t *testing.T) {
	f := newFlipRig(t)
	var all []damage
	for range f.howMany(20, 300) {
		all = append(all, flipped("events.index", f.random.IntN(f.size("events.index")), f.random.IntN(8)))
	}
	var seal []damage
	for bit := 0; bit < 8*f.size("events.lock"); bit += 3 {
		seal = append(seal, flipped("events.lock", bit/8, bit%8))
	}
	all = append(all, f.sample(seal, 20)...)
	for i := range all {
		all[i].then = (*flipRig).saveAgain
	}
	f.run(all)
	if f.met[named.String()] > 0 {
		t.Errorf("%d stores with a whole log could not be read", f.met[named.String()])
	}
}

// TestFlipsInTheView flips bits of experiments.sqlite and cuts it.
func TestFlipsInTheView(t *testing.T) {
	f := newFlipRig(t)
	var all, cuts []damage
	for range f.howMany(40, 1000) {
		all = append(all, flipped("experiments.sqlite", f.random.IntN(f.size("experiments.sqlite")), f.random.IntN(8)))
	}
	for size := 0; size < f.size("experiments.sqlite"); size += 4096 {
		cuts = append(cuts, cut("experiments.sqlite", size))
	}
	f.run(append(all, f.sample(cuts, 12)...))
}
