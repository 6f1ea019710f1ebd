//go:build linux

package faults

import (
	"context"
	"os"
	"path/filepath"
	"strings"

	"github.com/explog/explog"
	"github.com/explog/explog/evals/internal/memfs"
)

// prepare makes the disk that most commands work on, in a folder: a store with blocks
// of one record and a larger one, a view that lags behind, and an older backup.
func prepare(ctx context.Context, dir string) (memfs.Image, error) {
	for _, sub := range []string{storePath, tempPath} {
		if err := os.MkdirAll(filepath.Join(dir, sub), 0o755); err != nil {
			return nil, err
		}
	}
	l, err := explog.Open(filepath.Join(dir, storePath), explog.Options{})
	if err != nil {
		return nil, err
	}
	save := func(from, to int) error {
		for n := from; n < to; n++ {
			if _, err := l.SaveJSON(ctx, []byte(line(n)), "", ""); err != nil {
				return err
			}
		}
		return nil
	}
	if err := save(0, 12); err != nil {
		return nil, err
	}
	if _, err := l.Import(ctx, strings.NewReader(lines(numbers(12, inOldBackup), 0)), explog.ImportOptions{}); err != nil {
		return nil, err
	}
	if err := l.CatchUp(ctx); err != nil {
		return nil, err
	}
	if _, err := l.Backup(ctx, filepath.Join(dir, backupPath)); err != nil {
		return nil, err
	}
	if err := save(inOldBackup, inStore); err != nil {
		return nil, err
	}
	return memfs.ReadImage(dir)
}
