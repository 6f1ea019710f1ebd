package memfs

import (
	"bytes"
	"testing"
)

// TestAFailedSyncLosesPages writes two pages, fails to sync them, writes one of them
// again and syncs with success: the other one is still not on the disk.
func TestAFailedSyncLosesPages(t *testing.T) {
	page := func(b byte) []byte { return bytes.Repeat([]byte{b}, pageSize) }
	write := func(b byte, at int64) Op { return Op{Kind: Write, File: 2, Data: page(b), Offset: at * pageSize} }
	s := NewState()
	for _, o := range []Op{
		{Kind: Create, File: 2, Dir: RootFolder, Name: "a"},
		write('o', 0),
		write('o', 1),
		{Kind: Sync, File: 2},
		write('n', 0),
		write('n', 1),
		write('n', 2),
		{Kind: SyncLost, File: 2},
		{Kind: Write, File: 2, Data: []byte("again"), Offset: 10},
		{Kind: Sync, File: 2},
	} {
		s.Apply(o)
	}
	again := page('n')
	copy(again[10:], "again")
	f := s.Files[2]
	if want := bytes.Join([][]byte{again, page('n'), page('n')}, nil); !bytes.Equal(f.Live, want) {
		t.Error("a read does not return what was written")
	}
	if want := bytes.Join([][]byte{again, page('o'), page(0)}, nil); !bytes.Equal(f.Synced, want) {
		t.Error("what a sync lost is on the disk, or what was written again is not")
	}
}
