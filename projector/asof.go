package projector

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/explog/explog/eventlog"
	"github.com/explog/explog/eventlog/failpoint"
	"github.com/explog/explog/internal/tempfiles"
)

// BuildAsOf folds the log, up to the first event that is not among those wanted,
// into a new file of its own. A file that is there is not overwritten.
func (p *Projector) BuildAsOf(ctx context.Context, path string, among func(eventlog.Event) bool) (Status, error) {
	if _, err := os.Stat(path); err == nil {
		return Status{}, fmt.Errorf("%s: %w; name another file", path, fs.ErrExist)
	} else if !errors.Is(err, fs.ErrNotExist) {
		return Status{}, err
	}
	fresh, err := tempfiles.Create(path, 0o644)
	if err != nil {
		return Status{}, err
	}
	defer fresh.Discard()
	st, err := p.build(ctx, fresh.Name(), 0, among)
	if err != nil {
		return Status{}, fmt.Errorf("build %s: %w", path, err)
	}
	if err := failpoint.Hit(failpoint.AsOfBuilt); err != nil {
		return Status{}, err
	}
	return Status{Checkpoint: st.checkpoint, Head: st.checkpoint}, fresh.Commit()
}

// syncFile makes a file, or the names in a folder, durable.
func syncFile(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	return f.Sync()
}
