package powerloss

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
)

// image is what a disk holds after a power cut: the bytes of each file by its
// path; nil is a folder.
type image map[string][]byte

// kind is one way in which a power cut may treat what was not synced.
type kind struct {
	name string
	// names picks the changes to folders that reached the disk.
	names func(*rand.Rand, []op) []op
	// data gives a file's bytes.
	data func(*rand.Rand, *content) []byte
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

// image builds what a power cut now could leave.
func (s *state) image(k kind, rng *rand.Rand) image {
	names := s.names.clone()
	for _, c := range k.names(rng, s.renamed) {
		names.apply(c)
	}
	im := make(image)
	names.walk(rootFolder, "", func(path string, number int) {
		if f := s.files[number]; f != nil {
			im[path] = append([]byte{}, k.data(rng, f)...)
		} else {
			im[path] = nil
		}
	})
	return im
}

func none(*rand.Rand, []op) []op          { return nil }
func all(_ *rand.Rand, ops []op) []op     { return ops }
func first(rng *rand.Rand, ops []op) []op { return ops[:rng.IntN(len(ops)+1)] }

// some picks changes each for itself: harder than file systems with a journal
// are, which keep their order.
func some(rng *rand.Rand, ops []op) (picked []op) {
	for _, o := range ops {
		if rng.IntN(2) == 0 {
			picked = append(picked, o)
		}
	}
	return picked
}

// unremoved leaves out what takes files away: they stand beside what came later.
func unremoved(_ *rand.Rand, ops []op) []op {
	return slices.DeleteFunc(slices.Clone(ops), func(o op) bool { return o.kind == opRemove })
}

func synced(_ *rand.Rand, f *content) []byte { return f.synced }
func live(_ *rand.Rand, f *content) []byte   { return f.live }

// zeros is a file whose size reached the disk before the data of its new blocks.
func zeros(_ *rand.Rand, f *content) []byte {
	return resized(bytes.Clone(f.synced), int64(len(f.live)))
}

// pieces lets each page of the writes, of a size, reach the disk or not, in any
// order between two truncations, and the size of the file lag behind its data.
func pieces(size int64) func(*rand.Rand, *content) []byte {
	return func(rng *rand.Rand, f *content) []byte {
		data := bytes.Clone(f.synced)
		kept := []float64{0.03, 0.5, 0.97}[rng.IntN(3)]
		sizes := []int64{int64(len(f.synced))}
		var run []op
		land := func() {
			rng.Shuffle(len(run), func(i, j int) { run[i], run[j] = run[j], run[i] })
			for _, o := range run {
				data = o.on(data)
			}
			run = nil
		}
		at := sizes[0]
		for _, o := range f.pending {
			if o.kind == opTruncate {
				land()
				if at = o.offset; rng.Float64() < kept {
					data = o.on(data)
				}
			}
			for _, piece := range o.cut(size) {
				at = max(at, piece.offset+int64(len(piece.data)))
				if rng.Float64() < kept {
					run = append(run, piece)
				}
			}
			sizes = append(sizes, at)
		}
		land()
		if rng.IntN(2) == 0 {
			data = resized(data, sizes[rng.IntN(len(sizes))])
		}
		return data
	}
}

// cut divides a write at the multiples of a size.
func (o op) cut(size int64) (parts []op) {
	for rest, at := o.data, o.offset; len(rest) > 0; {
		n := min(size-at%size, int64(len(rest)))
		parts = append(parts, op{kind: opWrite, file: o.file, offset: at, data: rest[:n]})
		rest, at = rest[n:], at+n
	}
	return parts
}

// sum tells images apart.
func (im image) sum() [32]byte {
	h := sha256.New()
	for _, path := range slices.Sorted(maps.Keys(im)) {
		fmt.Fprintf(h, "%q %d %t\n", path, len(im[path]), im[path] == nil)
		h.Write(im[path])
	}
	return [32]byte(h.Sum(nil))
}

// write puts the image into a folder.
func (im image) write(dir string) error {
	for _, path := range slices.Sorted(maps.Keys(im)) {
		to := filepath.Join(dir, path)
		var err error
		if im[path] == nil {
			err = os.Mkdir(to, 0o755)
		} else {
			err = os.WriteFile(to, im[path], 0o644)
		}
		if err != nil {
			return err
		}
	}
	return nil
}
