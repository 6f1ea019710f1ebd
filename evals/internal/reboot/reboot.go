// Package reboot makes the image of a store one of a machine that was started again.
package reboot

import (
	"encoding/binary"
	"hash/crc32"
	"path/filepath"

	"github.com/explog/explog/evals/internal/memfs"
)

// Reboot changes the boot id in the headers of indexes: an index says under which
// start of the machine it was written, and a rig opens every image under the same one.
// A header that is not whole stays as it is: explog does not trust it anyway. The
// layout is in eventlog/FORMAT.md.
func Reboot(im memfs.Image) {
	const header, boot, earlier = 512, 24, "an earlier start"
	for path, data := range im {
		if filepath.Base(path) != "events.index" || len(data) < header {
			continue
		}
		castagnoli := crc32.MakeTable(crc32.Castagnoli)
		sum := data[header-4 : header]
		if crc32.Checksum(data[:header-4], castagnoli) == binary.LittleEndian.Uint32(sum) {
			copy(data[boot:], earlier)
			binary.LittleEndian.PutUint32(sum, crc32.Checksum(data[:header-4], castagnoli))
		}
	}
}
