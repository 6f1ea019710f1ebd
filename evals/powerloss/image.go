package powerloss

import (
	"bytes"
	"math/rand/v2"
	"slices"

	"github.com/explog/explog/evals/internal/memfs"
)

// kind is one way in which a power cut may treat what was not synced.
type kind struct {
	name string
	// names picks the changes to folders that reached the disk.
	names func(*rand.Rand, []memfs.Op) []memfs.Op
	// data gives a file's bytes.
	data func(*rand.Rand, *memfs.Content) []byte
	// verify comes first, because other commands mend what it would name.
	verify bool
}

var kinds = []kind{
	{name: "only what was synced", names: none, data: synced},
	{name: "all, as after a kill", names: all, data: live},
	{name: "names before data", names: all, data: synced},
	{name: "data before names", names: none, data: live},
	{name: "zeros in new blocks", names: all, data: zeros},
	{name: "some pages, some names", names: some, data: pieces(4096)},
	{name: "some pages, first names", names: first, data: pieces(4096)},
	{name: "some sectors, some names", names: some, data: pieces(512)},
	{name: "removals lost", names: unremoved, data: live, verify: true},
}

// imageOf builds what a power cut now could leave.
func imageOf(s *memfs.State, k kind, rng *rand.Rand) memfs.Image {
	return s.Image(k.names(rng, s.Renamed), func(c *memfs.Content) []byte { return k.data(rng, c) })
}

func none(*rand.Rand, []memfs.Op) []memfs.Op          { return nil }
func all(_ *rand.Rand, ops []memfs.Op) []memfs.Op     { return ops }
func first(rng *rand.Rand, ops []memfs.Op) []memfs.Op { return ops[:rng.IntN(len(ops)+1)] }

// some picks changes each for itself: harder than file systems with a journal
// are, which keep their order.
func some(rng *rand.Rand, ops []memfs.Op) (picked []memfs.Op) {
	for _, o := range ops {
		if rng.IntN(2) == 0 {
			picked = append(picked, o)
		}
	}
	return picked
}

// unremoved leaves out what takes files away: they stand beside what came later.
func unremoved(_ *rand.Rand, ops []memfs.Op) []memfs.Op {
	return slices.DeleteFunc(slices.Clone(ops), func(o memfs.Op) bool { return o.Kind == memfs.Remove })
}

func synced(_ *rand.Rand, f *memfs.Content) []byte { return f.Synced }
func live(_ *rand.Rand, f *memfs.Content) []byte   { return f.Live }

// zeros is a file whose size reached the disk before the data of its new blocks.
func zeros(_ *rand.Rand, f *memfs.Content) []byte {
	return memfs.Resized(bytes.Clone(f.Synced), int64(len(f.Live)))
}

// pieces lets each page of the writes, of a size, reach the disk or not, in any
// order between two truncations, and the size of the file lag behind its data.
func pieces(size int64) func(*rand.Rand, *memfs.Content) []byte {
	return func(rng *rand.Rand, f *memfs.Content) []byte {
		data := bytes.Clone(f.Synced)
		kept := []float64{0.03, 0.5, 0.97}[rng.IntN(3)]
		sizes := []int64{int64(len(f.Synced))}
		var run []memfs.Op
		land := func() {
			rng.Shuffle(len(run), func(i, j int) { run[i], run[j] = run[j], run[i] })
			for _, o := range run {
				data = o.On(data)
			}
			run = nil
		}
		at := sizes[0]
		for _, o := range f.Pending {
			if o.Kind == memfs.Truncate {
				land()
				if at = o.Offset; rng.Float64() < kept {
					data = o.On(data)
				}
			}
			for _, piece := range piecesOf(o, size) {
				at = max(at, piece.Offset+int64(len(piece.Data)))
				if rng.Float64() < kept {
					run = append(run, piece)
				}
			}
			sizes = append(sizes, at)
		}
		land()
		if rng.IntN(2) == 0 {
			data = memfs.Resized(data, sizes[rng.IntN(len(sizes))])
		}
		return data
	}
}

// piecesOf divides a write at the multiples of a size.
func piecesOf(o memfs.Op, size int64) (parts []memfs.Op) {
	for rest, at := o.Data, o.Offset; len(rest) > 0; {
		n := min(size-at%size, int64(len(rest)))
		parts = append(parts, memfs.Op{Kind: memfs.Write, File: o.File, Offset: at, Data: rest[:n]})
		rest, at = rest[n:], at+n
	}
	return parts
}
