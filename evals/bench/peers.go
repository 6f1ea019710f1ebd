package main

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"
)

// nodeImport is the reference's import into an empty database. Its count is not in the
// time.
func (a *arena) nodeImport(ctx context.Context) (sample, error) {
	db := a.newPath("reference")
	got, err := a.nodeImportInto(ctx, db)
	if err != nil {
		return sample{}, err
	}
	if a.reference == "" {
		a.reference = db
		return got, nil
	}
	return got, a.discard(db)
}

func (a *arena) nodeImportInto(ctx context.Context, db string) (sample, error) {
	e, err := a.runNode(ctx, "import", db, a.data())
	if err != nil {
		return sample{}, err
	}
	return sampleOf(e), want(e, fmt.Sprintf(": %d new", a.scale))
}

// keepReference makes the reference's database that is read, if no import has made it.
func (a *arena) keepReference(ctx context.Context) error {
	if a.reference != "" {
		return nil
	}
	a.reference = a.newPath("reference")
	_, err := a.nodeImportInto(ctx, a.reference)
	return err
}

func (a *arena) nodeExport(ctx context.Context) (sample, error) {
	return a.exported(a.nodeCommand(ctx, "export", a.reference))
}

func (a *arena) nodeCount(ctx context.Context) (sample, error) {
	return a.quick(func() (ended, error) { return a.runNode(ctx, "count", a.reference, wantedClient) })
}

func (a *arena) nodeQuery(ctx context.Context) (sample, error) {
	return a.quick(func() (ended, error) {
		e, err := a.runNode(ctx, "query", a.reference, wantedClient, a.wantedSince(), "50")
		if err != nil {
			return e, err
		}
		return e, a.wantLines(e)
	})
}

// loadSQL reads data.jsonl in the working folder.
//
//go:embed load.sql
var loadSQL string

// sqliteLoad is the sqlite3 command's load of the data into an empty database.
func (a *arena) sqliteLoad(ctx context.Context) (sample, error) {
	db := a.newPath("sqlite3")
	cmd := exec.CommandContext(ctx, "sqlite3", "-batch", "-bail", "-init", os.DevNull, db)
	cmd.Dir, cmd.Stdin = a.dir, strings.NewReader(loadSQL)
	e, err := finish(cmd, nil)
	if err != nil {
		return sample{}, err
	}
	if err := want(e, fmt.Sprintln(a.scale)); err != nil {
		return sample{}, err
	}
	return sampleOf(e), a.discard(db)
}

// diskWrite writes as many bytes as the data has, in one file, and syncs it once.
func (a *arena) diskWrite(ctx context.Context) (sample, error) {
	path := a.newPath("bytes")
	f, err := os.Create(path)
	if err != nil {
		return sample{}, err
	}
	part := make([]byte, 1<<20)
	for i := range part {
		part[i] = byte(i * i >> 3) // no zeros, which a disk may not write
	}
	started := time.Now()
	for left := a.bytes; err == nil && left > 0; left -= int64(len(part)) {
		if err = ctx.Err(); err == nil {
			_, err = f.Write(part[:min(left, int64(len(part)))])
		}
	}
	if err == nil {
		err = syscall.Fdatasync(int(f.Fd()))
	}
	took := time.Since(started)
	if err := errors.Join(err, f.Close()); err != nil {
		return sample{}, err
	}
	return sample{Value: took.Seconds()}, a.discard(path)
}
