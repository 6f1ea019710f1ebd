package projector

import (
	"errors"
	"os"
	"strings"
	"syscall"

	"modernc.org/libc"
	sqlite3 "modernc.org/sqlite/lib"
)

// The checksum in a page says that the page is whole. It does not say that the page
// belongs to the others: a restore that was interrupted leaves pages of two times in one
// file, each whole, and SQLite would give rows of both. So the checksums of a live view
// are in a second file, too, four bytes for each page in order, and a page that is read
// must have the checksum that stands there.
//
// Both files are written by the VFS, the second one first. A process that dies between
// leaves a page that fails; but SQLite still has that page in its write-ahead log then,
// and reads and writes it again from there. The second file is synced before the first.
//
// A view without the second file can be read: one that was written with rebuild --as-of,
// or the private copy of an older one. A live view without it is rebuilt.

// sumsSuffix is what the name of the second file ends in.
const sumsSuffix = "-sums"

// noFile stands for the second file of a view that has none.
const noFile = -1

// beginSums makes the second file, with the checksum of the first page.
func beginSums(path string, page []byte) error {
	return os.WriteFile(path+sumsSuffix, page[len(page)-sumSize:], 0o644)
}

// openSums opens the second file for SQLite's file of that name, if it is there.
func openSums(name uintptr, flags int32) (fd int32, rc int32) {
	mode := syscall.O_RDONLY
	if flags&sqlite3.SQLITE_OPEN_READWRITE != 0 {
		mode = syscall.O_RDWR
	}
	for {
		n, err := syscall.Open(libc.GoString(name)+sumsSuffix, mode|syscall.O_CLOEXEC, 0)
		switch {
		case errors.Is(err, syscall.EINTR):
		case errors.Is(err, syscall.ENOENT):
			return noFile, sqlite3.SQLITE_OK
		case err != nil:
			return noFile, sqlite3.SQLITE_CANTOPEN
		default:
			return int32(n), sqlite3.SQLITE_OK
		}
	}
}

// checkSum compares a page's checksum with the one in the second file.
func (m *methods) checkSum(page []byte, number uint32) int32 {
	if m.sums == noFile {
		return sqlite3.SQLITE_OK
	}
	var sum [sumSize]byte
	n, err := pread(int(m.sums), sum[:], sumAt(number))
	switch {
	case err != nil:
		return sqlite3.SQLITE_IOERR_READ
	case n < sumSize || string(sum[:]) != string(page[len(page)-sumSize:]):
		return badSum
	}
	return sqlite3.SQLITE_OK
}

// writeSum writes a page's checksum to the second file.
func (m *methods) writeSum(page []byte, number uint32) int32 {
	if m.sums == noFile {
		return sqlite3.SQLITE_OK
	}
	m.unsynced = true
	for sum, at := page[len(page)-sumSize:], sumAt(number); len(sum) > 0; {
		n, err := syscall.Pwrite(int(m.sums), sum, at)
		switch {
		case errors.Is(err, syscall.EINTR):
			continue
		case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
			return sqlite3.SQLITE_FULL
		case err != nil:
			return sqlite3.SQLITE_IOERR_WRITE
		}
		sum, at = sum[n:], at+int64(n)
	}
	return sqlite3.SQLITE_OK
}

func sumAt(number uint32) int64 { return int64(number-1) * sumSize }

// pread reads until the buffer is full or the file ends.
func pread(fd int, b []byte, at int64) (n int, err error) {
	for n < len(b) {
		m, err := syscall.Pread(fd, b[n:], at+int64(n))
		if errors.Is(err, syscall.EINTR) {
			continue
		}
		if err != nil || m == 0 {
			return n, err
		}
		n += m
	}
	return n, nil
}

// syncFiles syncs the second file and then the first.
func syncFiles(tls *libc.TLS, file uintptr, flags int32) int32 {
	if m := methodsOf(file); m.unsynced {
		if err := syscall.Fsync(int(m.sums)); err != nil {
			return sqlite3.SQLITE_IOERR_FSYNC
		}
		m.unsynced = false
	}
	return function[syncFunc](systemOf(file).FxSync)(tls, file, flags)
}

// closeFiles closes both files.
func closeFiles(tls *libc.TLS, file uintptr) int32 {
	if m := methodsOf(file); m.sums != noFile {
		_ = syscall.Close(int(m.sums)) // what matters was synced
		m.sums = noFile
	}
	return function[closeFunc](systemOf(file).FxClose)(tls, file)
}

// hasSums returns an error of damage if a live view lacks its second file.
func hasSums(path string) error {
	if _, err := os.Stat(path + sumsSuffix); errors.Is(err, os.ErrNotExist) {
		return errUnbound
	} else if err != nil {
		return err
	}
	return nil
}

// ofRunningFollower reports whether a file is the second one of a view that is being
// built: the first one is there and was not removed.
func ofRunningFollower(path string) bool {
	first, ok := strings.CutSuffix(path, sumsSuffix)
	if !ok {
		return false
	}
	_, err := os.Stat(first)
	return err == nil
}
