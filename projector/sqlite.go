package projector

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// dsn builds a connection string. Pragmas stand in it because a pool opens
// connections of its own: one that is executed reaches one connection only.
func dsn(path, params string) (string, error) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return "", err
	}
	u := url.URL{Scheme: "file", Path: abs}
	return u.String() + "?" + params, nil
}

func open(path, params string) (*sql.DB, error) {
	name, err := dsn(path, params)
	if err != nil {
		return nil, err
	}
	return sql.Open("sqlite", name)
}

const busyTimeout = "_pragma=busy_timeout(10000)"

// OpenReader opens a view for reading: queries only, on as many connections as
// the caller uses. In a folder that cannot be written, where SQLite cannot share
// its memory with writers, the file is read as one that does not change.
func OpenReader(ctx context.Context, path string) (*sql.DB, error) {
	params := "mode=ro&_pragma=query_only(1)&" + busyTimeout
	db, err := open(path, params)
	if err != nil {
		return nil, err
	}
	var n int
	err = db.QueryRowContext(ctx, "SELECT count(*) FROM sqlite_schema").Scan(&n)
	if codeOf(err) == sqlite3.SQLITE_CANTOPEN || codeOf(err) == sqlite3.SQLITE_READONLY {
		db.Close()
		return open(path, "immutable=1&"+params)
	}
	if err != nil {
		db.Close()
		return nil, fmt.Errorf("open %s: %w", path, err)
	}
	return db, nil
}

// openWriter opens a live view for its one writer. Transactions begin IMMEDIATE:
// one that begins by reading and then wants to write fails at once, without
// waiting, when another writer came between.
func openWriter(path string) (*sql.DB, error) {
	db, err := open(path, "_txlock=immediate&_pragma=journal_mode(WAL)&_pragma=synchronous(NORMAL)&_pragma=cache_size(-16000)&"+busyTimeout)
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(1)
	return db, nil
}

// removeView removes a view's file with its companions; those first, because a
// write-ahead log that outlives its file would be applied to the next one.
func removeView(path string) error {
	for _, suffix := range []string{"-wal", "-shm", "-journal", ""} {
		if err := os.Remove(path + suffix); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
	}
	return nil
}

// codeOf returns the primary SQLite result code of an error; 0: it is none.
func codeOf(err error) int {
	var e *sqlite.Error
	if !errors.As(err, &e) {
		return 0
	}
	return e.Code() & 0xff
}

// IsDamage reports whether an error of SQLite means that the view's file is
// damaged, so that it must be built anew.
func IsDamage(err error) bool { return isDamage(err) }

func isDamage(err error) bool {
	switch codeOf(err) {
	case sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB:
		return true
	}
	return errors.Is(err, errDamage)
}

func isMissingTable(err error) bool {
	return codeOf(err) == sqlite3.SQLITE_ERROR && strings.Contains(err.Error(), "no such")
}
