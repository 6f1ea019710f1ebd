package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

// several damages 2 to 64 bytes, in up to four places.
func (f *flipRig) several(file string) damage {
	places, each := 1+f.random.IntN(4), 1+f.random.IntN(16)
	if places == 1 {
		each = 2 + f.random.IntN(63)
	}
	changes := make(map[int]byte)
	for range places {
		at := f.random.IntN(f.size(file))
		for i := range each {
			changes[at+i] = byte(1 + f.random.IntN(255))
		}
	}
	return damage{file: file, what: fmt.Sprintf("bytes changed: %v", changes), change: func(b []byte) []byte {
		for at, x := range changes {
			if at < len(b) {
				b[at] ^= x
			}
		}
		return b
	}}
}

// zeroed zeroes a page.
func (f *flipRig) zeroed(file string, page int) damage {
	n := f.random.IntN(f.pages(file, page))
	return damage{file: file, what: fmt.Sprintf("page %d of %d bytes zeroed", n, page), change: func(b []byte) []byte {
		clear(pageOf(b, n, page))
		return b
	}}
}

// swapped swaps two pages.
func (f *flipRig) swapped(file string, page int) damage {
	n, m := f.random.IntN(f.pages(file, page)), f.random.IntN(f.pages(file, page))
	return damage{file: file, what: fmt.Sprintf("pages %d and %d of %d bytes swapped", n, m, page), change: func(b []byte) []byte {
		x, y := bytes.Clone(pageOf(b, n, page)), bytes.Clone(pageOf(b, m, page))
		copy(pageOf(b, n, page), y)
		copy(pageOf(b, m, page), x)
		return b
	}}
}

// torn puts pages of an older copy into a file: one, or each with an even chance.
func (f *flipRig) torn(file, older string, page int) damage {
	old, err := os.ReadFile(filepath.Join(older, file))
	if err != nil {
		f.Fatal(err)
	}
	changed := differing(old, f.read(file), page)
	if len(changed) == 0 {
		f.Fatalf("%s: no page differs", file)
	}
	chosen := []int{changed[f.random.IntN(len(changed))]}
	if f.random.IntN(2) == 0 {
		for _, n := range changed {
			if f.random.IntN(2) == 0 {
				chosen = append(chosen, n)
			}
		}
	}
	return damage{file: file, what: fmt.Sprintf("pages %v of %d bytes from an older copy", chosen, page), change: func(b []byte) []byte {
		for _, n := range chosen {
			copy(pageOf(b, n, page), pageOf(old, n, page))
		}
		return b
	}}
}

// differing returns the pages that differ.
func differing(old, b []byte, page int) (pages []int) {
	for n := range min(len(old), len(b)) / page {
		if !bytes.Equal(pageOf(old, n, page), pageOf(b, n, page)) {
			pages = append(pages, n)
		}
	}
	return pages
}

func (f *flipRig) pages(file string, page int) int { return (f.size(file) + page - 1) / page }

func pageOf(b []byte, n, page int) []byte { return b[min(n*page, len(b)):min((n+1)*page, len(b))] }

// damaged returns damages of each kind to a file, in turn.
func (f *flipRig) damaged(file, older string, page, n int) []damage {
	kinds := []func() damage{
		func() damage { return f.several(file) },
		func() damage { return f.zeroed(file, page) },
		func() damage { return f.swapped(file, page) },
		func() damage { return f.torn(file, older, page) },
	}
	var all []damage
	for i := range n {
		all = append(all, kinds[i%len(kinds)]())
	}
	return all
}

// The sizes of pages.
const (
	indexPage = 512
	viewPage  = 32 << 10
)

// TestPagesAndFiles damages larger parts of a store than bits: several bytes at once,
// pages, whole files; and puts back parts of an older copy.
func TestPagesAndFiles(t *testing.T) {
	f := newFlipRig(t)
	older := f.grow()
	for _, part := range []struct {
		name string
		run  func(f *flipRig, older string)
	}{
		{"log", (*flipRig).pagesOfTheLog},
		{"beside", (*flipRig).pagesBesideTheLog},
		{"old", (*flipRig).oldFiles},
		{"history", (*flipRig).anotherHistory},
	} {
		t.Run(part.name, func(t *testing.T) {
			f.T, f.met, f.commands = t, make(map[string]int), make(map[string]int)
			part.run(f, older)
		})
	}
}

// pagesOfTheLog damages several bytes of events.db, zeroes and swaps pages, and puts
// back pages from an older copy.
func (f *flipRig) pagesOfTheLog(older string) {
	all := f.damaged("events.db", older, os.Getpagesize(), f.howMany(12, 400))
	for i := range all {
		all[i].noView = i/4%2 == 0
		all[i].then = (*flipRig).appendMore
	}
	f.run(all)
}

// pagesBesideTheLog does the same to the index, the seal and the view. The log is
// whole: the first command gives the right data, and nothing is saved a second time.
func (f *flipRig) pagesBesideTheLog(older string) {
	all := f.damaged("events.index", older, indexPage, f.howMany(8, 200))
	for range f.howMany(4, 100) {
		all = append(all, f.several("events.lock"))
	}
	all = append(all, f.damaged("experiments.sqlite", older, viewPage, f.howMany(16, 400))...)
	for i := range all {
		all[i].then = (*flipRig).saveAgain
	}
	f.run(all)
	for _, command := range []string{"export", "count"} {
		if n := f.commands[command+" "+named.String()]; n > 0 {
			f.Errorf("%s failed on %d stores with a whole log", command, n)
		}
	}
}
