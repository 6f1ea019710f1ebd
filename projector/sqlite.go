package projector

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/explog/explog/eventlog/flock"
	"github.com/explog/explog/internal/tempfiles"
)

// dsn builds a connection string for a file whose pages have checksums. Pragmas
// stand in it because a pool opens connections of its own: one that is executed
// reaches one connection only.
func dsn(path, params string) (string, error) {
	if err := registerVFS(); err != nil {
		return "", err
	}
	abs, err := filepath.Abs(path)
	if err != nil {
		return "", err
	}
	u := url.URL{Scheme: "file", Path: abs}
	return u.String() + "?vfs=" + vfsName + "&" + params, nil
}

func open(path, params string) (*sql.DB, error) {
	name, err := dsn(path, params)
	if err != nil {
		return nil, err
	}
	return sql.Open("sqlite", name)
}

// busyTimeout is how long SQLite waits for a program that has the file locked.
func busyTimeout(wait time.Duration) string {
	return fmt.Sprintf("_pragma=busy_timeout(%d)", max(0, wait.Milliseconds()))
}

// DB is a view that is open for reading, on as many connections as the caller
// uses.
type DB struct {
	*sql.DB
	remove func() error // removes the private copy that is read; nil: it is the view itself
}

// Close closes the view.
func (d *DB) Close() error {
	err := d.DB.Close()
	if d.remove != nil {
		err = errors.Join(err, d.remove())
	}
	return err
}

// OpenReader opens a view for reading. SQLite readers share memory with writers
// through a file beside the view; who cannot make that file, for want of rights or
// of space, reads a private copy of the view instead. Each of its connections waits up
// to wait for a program that has the view locked.
func OpenReader(ctx context.Context, path string, wait time.Duration) (*DB, error) {
	return openReader(ctx, path, wait, lockView)
}

// openHeld is OpenReader for who has the view's lock.
func openHeld(ctx context.Context, path string, wait time.Duration) (*DB, error) {
	return openReader(ctx, path, wait, func(context.Context, string, time.Duration) (func(), error) { return func() {}, nil })
}

func openReader(ctx context.Context, path string, wait time.Duration, lock lockFunc) (*DB, error) {
	db, err := openReadOnly(ctx, path, wait)
	if err == nil {
		return &DB{DB: db}, nil
	}
	if _, statErr := os.Stat(path); statErr != nil {
		return nil, statErr // a view that is not there is [fs.ErrNotExist]
	}
	if !isUnshared(err) {
		return nil, fmt.Errorf("open %s: %w", path, err)
	}
	dir, remove, err := copyView(ctx, path, wait, lock)
	if err != nil {
		return nil, fmt.Errorf("open %s, which cannot be shared here, as a copy: %w", path, err)
	}
	db, err = openReadOnly(ctx, filepath.Join(dir, filepath.Base(path)), wait)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open a copy of %s: %w", path, err), remove())
	}
	return &DB{db, remove}, nil
}

// openReadOnly opens a view and makes sure that it can be read.
func openReadOnly(ctx context.Context, path string, wait time.Duration) (*sql.DB, error) {
	db, err := open(path, "mode=ro&_pragma=query_only(1)&"+busyTimeout(wait))
	if err != nil {
		return nil, err
	}
	var n int
	if err := db.QueryRowContext(ctx, "SELECT count(*) FROM sqlite_schema").Scan(&n); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return db, nil
}

// copyView copies a view with its write-ahead log into a temporary folder, as it
// is at one moment: under the view's lock, which keeps explog's writers away, and
// again if it changed meanwhile all the same.
func copyView(ctx context.Context, path string, wait time.Duration, lock lockFunc) (dir string, remove func() error, err error) {
	unlock, err := lock(ctx, path, wait)
	if err != nil {
		return "", nil, err
	}
	defer unlock()
	dir, remove, err = tempfiles.Dir("view")
	if err != nil {
		return "", nil, err
	}
	for range 5 {
		before := stamp(path)
		err = errors.Join(copyFile(path, dir), copyFile(path+"-wal", dir), copyFile(path+sumsSuffix, dir))
		if err == nil && stamp(path) == before {
			return dir, remove, nil
		}
		if err == nil {
			err = errors.New("it changes all the time")
		}
	}
	return "", nil, errors.Join(err, remove())
}

// lockFunc keeps explog's writers away from a view until unlock is called.
type lockFunc func(ctx context.Context, path string, wait time.Duration) (unlock func(), err error)

// lockView takes the view's lock, if there is one.
func lockView(ctx context.Context, path string, wait time.Duration) (unlock func(), err error) {
	f, err := os.Open(strings.TrimSuffix(path, ".sqlite") + ".lock")
	if err != nil {
		return func() {}, nil
	}
	if err := flock.Lock(ctx, f, wait); err != nil {
		return nil, err
	}
	return func() { f.Close() }, nil
}

// stamp tells versions of a view's files apart.
func stamp(path string) string {
	var s string
	for _, suffix := range []string{"", "-wal", sumsSuffix} {
		if info, err := os.Stat(path + suffix); err == nil {
			s += fmt.Sprint(info.Size(), info.ModTime().UnixNano(), " ")
		}
	}
	return s
}

// copyFile copies a file, if it is there, into a folder.
func copyFile(path, dir string) error {
	in, err := os.Open(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.Create(filepath.Join(dir, filepath.Base(path)))
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Close())
}

// openWriter opens a live view for its one writer. Transactions begin IMMEDIATE:
// one that begins by reading and then wants to write fails at once, without
// waiting, when another writer came between. Journals of statements stay in memory:
// a killed process would leave them in the folder for temporary files.
func openWriter(path string, wait time.Duration) (*sql.DB, error) {
	db, err := open(path, "_txlock=immediate&_pragma=journal_mode(WAL)&_pragma=synchronous(NORMAL)&_pragma=cache_size(-16000)&_pragma=temp_store(MEMORY)&"+busyTimeout(wait))
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(1)
	return db, nil
}

// openNew makes a file for a bulk load, at full speed and with nothing to go back to
// if it fails half-way. Large indexes are sorted by threads of their own. What is deleted
// on the way is overwritten: SQLite would leave holes in the file in its place, and a hole
// has no checksum. Without a journal a statement that fails leaves the file worth nothing;
// with one in memory it changes nothing.
func openNew(path string, pageSize int, journal string) (*sql.DB, error) {
	if err := begin(path, pageSize); err != nil {
		return nil, err
	}
	db, err := open(path, "_pragma=journal_mode("+journal+")&_pragma=synchronous(OFF)&_pragma=locking_mode(EXCLUSIVE)&_pragma=secure_delete(ON)&_pragma=cache_size(-2000)&_pragma=threads(2)")
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(1)
	return db, nil
}

// removeView removes a view's file with its companions; first SQLite's, because a
// write-ahead log that outlives its file would be applied to the next one.
func removeView(path string) error {
	for _, suffix := range []string{"-wal", "-shm", "-journal", "", sumsSuffix} {
		if err := os.Remove(path + suffix); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
	}
	return nil
}

// isUnshared reports whether the memory that readers and writers of a view share
// could not be had.
func isUnshared(err error) bool {
	switch detailOf(err) {
	case sqlite3.SQLITE_IOERR_SHMOPEN, sqlite3.SQLITE_IOERR_SHMSIZE, sqlite3.SQLITE_IOERR_SHMMAP:
		return true
	}
	code := codeOf(err)
	return code == sqlite3.SQLITE_CANTOPEN || code == sqlite3.SQLITE_READONLY
}

// codeOf returns the primary SQLite result code of an error; 0: it is none.
func codeOf(err error) int { return detailOf(err) & 0xff }

// detailOf returns the SQLite result code of an error with its detail; 0: it is none.
func detailOf(err error) int {
	var e *sqlite.Error
	if !errors.As(err, &e) {
		return 0
	}
	return e.Code()
}

// IsDamage reports whether an error of SQLite means that the view's file is
// damaged, so that it must be built anew.
func IsDamage(err error) bool { return isDamage(err) }

func isDamage(err error) bool {
	switch codeOf(err) {
	case sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB:
		return true
	case sqlite3.SQLITE_IOERR:
		return detailOf(err) == badSum
	case sqlite3.SQLITE_ERROR: // the queries are ours: what they miss, somebody took away
		for _, missing := range []string{"no such table", "no such column", "has no column", "no such index"} {
			if strings.Contains(err.Error(), missing) {
				return true
			}
		}
	}
	return errors.Is(err, errDamage)
}

// damageOf says of a view what an error of damage means.
func damageOf(err error) string {
	if detailOf(err) == noSums {
		return otherVersion
	}
	return damaged
}

// Explain adds what the system would say to what SQLite says of a disk that is full or
// fails, and of a file that is locked. Other errors it returns as they are.
func Explain(err error) error {
	switch {
	case codeOf(err) == sqlite3.SQLITE_FULL, detailOf(err) == sqlite3.SQLITE_IOERR_SHMSIZE:
		return fmt.Errorf("%w: %w", syscall.ENOSPC, err)
	case isDiskError(err):
		return fmt.Errorf("%w: %w", errDisk, err)
	case isBusy(err):
		return fmt.Errorf("%w: %w", flock.ErrTimeout, err)
	}
	return err
}

// errDisk: reading or writing failed, which says nothing about what is on the disk.
var errDisk = fmt.Errorf("the view could not be read or written: %w; check the disk, then run explog rebuild", syscall.EIO)

// isDiskError reports whether the system could not read or write a view.
func isDiskError(err error) bool {
	return codeOf(err) == sqlite3.SQLITE_IOERR && !isDamage(err) && !isUnshared(err)
}

// isConstraint reports whether rows do not fit into a view. In a view that follows from
// the log they always do: then the view is damaged, or the log has a key twice.
func isConstraint(err error) bool {
	code := codeOf(err)
	return code == sqlite3.SQLITE_CONSTRAINT || code == sqlite3.SQLITE_MISMATCH
}

// isBusy reports whether another connection held the file for too long.
func isBusy(err error) bool {
	code := codeOf(err)
	return code == sqlite3.SQLITE_BUSY || code == sqlite3.SQLITE_LOCKED
}
