package eventlog

import (
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"

	"github.com/google/uuid"
)

// seal is what the last commit left behind in the lock file: see FORMAT.md.
type seal struct {
	log         uuid.UUID
	txid        uint64
	head        position
	metaCRC     uint32
	freelistCRC uint32
	turnedAway  uint64
}

const (
	sealSize  = 128
	sealMagic = "explogS1"
)

func (s seal) encode() []byte {
	b := make([]byte, 0, sealSize)
	b = append(b, sealMagic...)
	b = append(b, s.log[:]...)
	b = le.AppendUint64(b, s.txid)
	b = le.AppendUint64(b, s.head.seq)
	b = append(b, s.head.hash[:]...)
	b = le.AppendUint32(b, s.metaCRC)
	b = le.AppendUint32(b, s.freelistCRC)
	b = le.AppendUint64(b, s.turnedAway)
	b = append(b, make([]byte, sealSize-4-len(b))...)
	return le.AppendUint32(b, crc32.Checksum(b, castagnoli))
}

// decodeSeal returns nil where the bytes are no seal.
func decodeSeal(b []byte) *seal {
	if len(b) != sealSize || string(b[:8]) != sealMagic ||
		crc32.Checksum(b[:sealSize-4], castagnoli) != le.Uint32(b[sealSize-4:]) {
		return nil
	}
	s := seal{
		log:         uuid.UUID(b[8:24]),
		txid:        le.Uint64(b[24:]),
		head:        position{seq: le.Uint64(b[32:]), hash: Hash(b[40:72])},
		metaCRC:     le.Uint32(b[72:]),
		freelistCRC: le.Uint32(b[76:]),
		turnedAway:  le.Uint64(b[80:]),
	}
	return &s
}

// readSeal returns nil where the file holds no seal.
func readSeal(path string) (*seal, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return sealIn(f)
}

func sealIn(f *os.File) (*seal, error) {
	b := make([]byte, sealSize)
	if _, err := f.ReadAt(b, 0); errors.Is(err, io.EOF) {
		return nil, nil
	} else if err != nil {
		return nil, fmt.Errorf("read the seal: %w", err)
	}
	return decodeSeal(b), nil
}
