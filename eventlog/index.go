package eventlog

import (
	"hash/crc32"

	"github.com/google/uuid"
)

// The index maps each UUID to its sequence number: a plain bucket, derived from
// the blocks. See docs/decisions/0002-index.md for what else was considered.

const indexValueSize = 12

// indexValue returns the entry for a UUID: its sequence number and a checksum.
func indexValue(id uuid.UUID, seq uint64) []byte {
	v := be.AppendUint64(make([]byte, 0, indexValueSize), seq)
	return le.AppendUint32(v, indexCRC(id[:], v))
}

func indexCRC(key, seq []byte) uint32 {
	return crc32.Update(crc32.Checksum(key, castagnoli), castagnoli, seq[:8])
}

// lookup returns the sequence number of a UUID's event, 0 where there is none.
//
// A flipped bit in a stored key would make its event look absent, and a
// duplicate of it would go in. The flipped key still stands beside the place
// where the true one is sought, so both neighbours of a miss are checked.
func (s *session) lookup(id uuid.UUID) (uint64, error) {
	c := s.tx.Bucket(bucketIDs).Cursor()
	key, value := c.Seek(id[:])
	if key != nil {
		if err := s.checkIndexEntry(key, value); err != nil {
			return 0, err
		}
		if uuid.UUID(key) == id {
			seq := be.Uint64(value)
			if seq == 0 || seq > s.head.seq {
				return 0, s.damage(seq, "the index names event %d, the log ends at %d", seq, s.head.seq)
			}
			return seq, nil
		}
		key, value = c.Prev()
	} else {
		key, value = c.Last()
	}
	if key == nil {
		return 0, nil
	}
	return 0, s.checkIndexEntry(key, value)
}

func (s *session) checkIndexEntry(key, value []byte) error {
	if len(key) != 16 || len(value) != indexValueSize || indexCRC(key, value) != le.Uint32(value[8:]) {
		return s.damage(0, "an entry of its index does not match its checksum")
	}
	return nil
}
