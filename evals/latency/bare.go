// Package latency measures how long it takes until a record is durable: saved
// through the Go API, by one goroutine or many, in one process or many; and what
// the disk and bbolt take for as much.
//
// A save is measured in a process of its own (see [RunSaver]), because processes
// that share a store are what is measured.
package latency

import (
	"encoding/binary"
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"time"

	bolt "go.etcd.io/bbolt"
)

// Bare is what lies under a save: a file, and a bbolt file, both held open.
type Bare struct {
	file *os.File
	db   *bolt.DB
	keys uint64
}

// pages is how many pages of the file are written in turn. They are allocated
// before, so that a sync has no metadata to write.
const pages = 64

// OpenBare makes the files in a folder.
func OpenBare(dir string) (*Bare, error) {
	file, err := os.Create(filepath.Join(dir, "bare"))
	if err != nil {
		return nil, err
	}
	_, err = file.Write(make([]byte, pageSize*pages))
	if err == nil {
		err = file.Sync()
	}
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	options := bolt.Options{FreelistType: bolt.FreelistArrayType} // as the log has it
	db, err := bolt.Open(filepath.Join(dir, "bare.db"), 0o644, &options)
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return &Bare{file: file, db: db}, nil
}

const pageSize = 4096

// Close closes the files.
func (b *Bare) Close() error { return errors.Join(b.file.Close(), b.db.Close()) }

// Syncs writes 4 KiB in place and syncs them, n times, and returns how long each
// took.
func (b *Bare) Syncs(n int) ([]time.Duration, error) {
	page := make([]byte, pageSize)
	return timed(n, func(i int) error {
		page[0]++
		if _, err := b.file.WriteAt(page, int64(pageSize*(i%pages))); err != nil {
			return err
		}
		return syscall.Fdatasync(int(b.file.Fd()))
	})
}

// Transactions puts a value under a new key, n times, each in a transaction of its
// own, and returns how long each took.
func (b *Bare) Transactions(n int, value []byte) ([]time.Duration, error) {
	return timed(n, func(int) error {
		return b.db.Update(func(tx *bolt.Tx) error {
			bucket, err := tx.CreateBucketIfNotExists([]byte("events"))
			if err != nil {
				return err
			}
			b.keys++
			return bucket.Put(binary.BigEndian.AppendUint64(nil, b.keys), value)
		})
	})
}

func timed(n int, do func(i int) error) ([]time.Duration, error) {
	took := make([]time.Duration, n)
	for i := range took {
		started := time.Now()
		if err := do(i); err != nil {
			return nil, err
		}
		took[i] = time.Since(started)
	}
	return took, nil
}
