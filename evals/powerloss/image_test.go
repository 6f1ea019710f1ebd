package powerloss

import (
	"bytes"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/explog/explog/evals/internal/memfs"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// after is the state behind some operations.
func after(ops ...memfs.Op) *memfs.State {
	s := memfs.NewState()
	for _, o := range ops {
		s.Apply(o)
	}
	return s
}

// kindOf finds a kind by its name.
func kindOf(t *testing.T, name string) kind {
	t.Helper()
	for _, k := range kinds {
		if k.name == name {
			return k
		}
	}
	t.Fatalf("no kind %q", name)
	return kind{}
}

func TestWhatReachesTheDisk(t *testing.T) {
	const file, other = 2, 3
	create := memfs.Op{Kind: memfs.Create, File: file, Dir: memfs.RootFolder, Name: "a"}
	write := memfs.Op{Kind: memfs.Write, File: file, Data: []byte("new")}
	sync := memfs.Op{Kind: memfs.Sync, File: file}
	longer := memfs.Op{Kind: memfs.Write, File: file, Offset: 2, Data: []byte("-longer")}
	rename := memfs.Op{Kind: memfs.Rename, File: file, Dir: memfs.RootFolder, Name: "a", To: "b"}
	over := memfs.Op{Kind: memfs.Create, File: other, Dir: memfs.RootFolder, Name: "b"}
	syncDir := memfs.Op{Kind: memfs.SyncDir, Dir: memfs.RootFolder}
	for _, tc := range []struct {
		name                               string
		ops                                []memfs.Op
		strict, kill, namesFirst, newZeros string
	}{
		{"created and written", []memfs.Op{create, write}, "", "a=new", "a=", "a=\x00\x00\x00"},
		{"its folder synced", []memfs.Op{create, write, syncDir}, "a=", "a=new", "a=", "a=\x00\x00\x00"},
		{"synced, with its entry", []memfs.Op{create, write, sync}, "a=new", "a=new", "a=new", "a=new"},
		{"written on", []memfs.Op{create, write, sync, longer}, "a=new", "a=ne-longer", "a=new", "a=new\x00\x00\x00\x00\x00\x00"},
		{"renamed", []memfs.Op{create, write, sync, rename}, "a=new", "b=new", "b=new", "b=new"},
		{"renamed over another", []memfs.Op{over, create, syncDir, write, sync, rename}, "a=new b=", "b=new", "b=new", "b=new"},
		{"renamed and the folder synced", []memfs.Op{create, write, sync, rename, syncDir}, "b=new", "b=new", "b=new", "b=new"},
	} {
		s := after(tc.ops...)
		for name, want := range map[string]string{
			"only what was synced": tc.strict, "all, as after a kill": tc.kill,
			"names before data": tc.namesFirst, "zeros in new blocks": tc.newZeros,
		} {
			if got := text(imageOf(s, kindOf(t, name), nil)); got != want {
				t.Errorf("%s, %s: %q, want %q", tc.name, name, got, want)
			}
		}
	}
}

// text writes an image as path=bytes.
func text(im memfs.Image) string {
	var parts []string
	for _, path := range slices.Sorted(maps.Keys(im)) {
		parts = append(parts, path+"="+string(im[path]))
	}
	return strings.Join(parts, " ")
}

// TestPagesAreOldOrNew writes over a file and looks at each page of many images:
// it is the old one or one that was written, whole, or cut off.
func TestPagesAreOldOrNew(t *testing.T) {
	const page, pages = 4096, 8
	fill := func(b byte) []byte { return bytes.Repeat([]byte{b}, page*pages) }
	write := func(b byte) memfs.Op { return memfs.Op{Kind: memfs.Write, File: 2, Data: fill(b)} }
	s := after(memfs.Op{Kind: memfs.Create, File: 2, Dir: memfs.RootFolder, Name: "a"}, write('o'), memfs.Op{Kind: memfs.Sync, File: 2}, write('n'), write('m'))
	met := make(map[byte]int)
	for seed := range uint64(200) {
		data := imageOf(s, kindOf(t, "some pages, some names"), rand.New(rand.NewPCG(seed, 0)))["a"]
		if len(data) != page*pages {
			t.Fatalf("%d bytes", len(data))
		}
		for at := 0; at < len(data); at += page {
			if met[data[at]]++; bytes.Count(data[at:at+page], data[at:at+1]) != page {
				t.Fatalf("seed %d: the page at %d is torn", seed, at)
			}
		}
	}
	if len(met) != 3 || met['o'] == 0 || met['n'] == 0 || met['m'] == 0 {
		t.Errorf("pages met: %v", met)
	}
}
