package projector

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"slices"

	"github.com/explog/explog/eventlog"
	"github.com/explog/explog/internal/tempfiles"
)

// Verify compares the view, row for row, with what the log folds to up to the
// view's checkpoint, and has SQLite check the file and its indexes. Each
// difference is one line; none means that the view is true. A view that is not
// there is [fs.ErrNotExist], which is no damage.
func (p *Projector) Verify(ctx context.Context) ([]string, error) {
	if _, err := os.Stat(p.Path()); err != nil {
		return nil, err
	}
	live, err := OpenReader(ctx, p.Path(), p.wait)
	if isDamage(err) {
		return []string{unopened(err)}, nil
	}
	if err != nil {
		return nil, Explain(err)
	}
	defer live.Close()
	tx, err := live.BeginTx(ctx, nil) // one moment of the view
	if err != nil {
		return nil, err
	}
	defer tx.Rollback()
	found, err := p.verifyIn(ctx, tx)
	if detailOf(err) == badSum {
		if pages, err := badPages(ctx, live); err != nil || len(pages) > 0 {
			return pages, err
		}
	}
	if isDamage(err) {
		return append(found, err.Error()), nil
	}
	return found, Explain(err)
}

// unopened says what keeps a damaged view from being opened.
func unopened(err error) string {
	switch detailOf(err) {
	case noSums:
		return "it " + otherVersion
	case badSum:
		return "a page that is needed to open it fails its checksum, or the file is cut"
	}
	return err.Error()
}

// namedPages is how many pages that fail their checksums are named.
const namedPages = 20

// badPages names the pages that fail their checksums. It is for when one did: an
// error of reading ends a transaction, so each page is read in its own.
func badPages(ctx context.Context, view *DB) ([]string, error) {
	var pages int
	if err := view.QueryRowContext(ctx, "PRAGMA page_count").Scan(&pages); err != nil {
		return nil, err
	}
	var found []string
	for n := 1; n <= pages && len(found) < namedPages; n++ {
		var size int
		err := view.QueryRowContext(ctx, "SELECT length(data) FROM sqlite_dbpage WHERE pgno = ?", n).Scan(&size)
		switch {
		case detailOf(err) == badSum:
			found = append(found, fmt.Sprintf("page %d of %d fails its checksum", n, pages))
		case err != nil:
			return found, err
		}
	}
	return found, nil
}

func (p *Projector) verifyIn(ctx context.Context, live *sql.Tx) ([]string, error) {
	st, err := stateIn(ctx, live)
	if err != nil {
		return nil, err
	}
	head, err := p.log.Head(ctx)
	if err != nil {
		return nil, err
	}
	if why := p.unfit(st, head); why != "" {
		return []string{"it " + why}, nil
	}
	// The check of the file below reports a page that fails among its findings, in its
	// own words, and leaves out the free ones.
	var pages int
	if err := live.QueryRowContext(ctx, "SELECT count(data) FROM sqlite_dbpage").Scan(&pages); err != nil {
		return nil, err
	}
	found, err := integrity(ctx, live)
	if err != nil || len(found) > 0 {
		return found, err
	}
	dir, remove, err := tempfiles.Dir("verify")
	if err != nil {
		return nil, err
	}
	defer remove() //nolint:errcheck // the next verify removes what is left
	path := dir + "/fold.sqlite"
	folded, err := p.build(ctx, path, 0, func(ev eventlog.Event) bool { return ev.Seq <= st.checkpoint })
	if err != nil {
		return nil, err
	}
	if folded.hash != st.hash {
		return []string{"it does not match the log"}, nil
	}
	fold, err := OpenReader(ctx, path, p.wait)
	if err != nil {
		return nil, err
	}
	defer fold.Close()
	for _, table := range p.view.Tables {
		if found, err = compareTable(ctx, table, live, fold); err != nil || len(found) > 0 {
			return found, err
		}
	}
	return nil, nil
}

func integrity(ctx context.Context, tx *sql.Tx) ([]string, error) {
	rows, err := tx.QueryContext(ctx, "PRAGMA integrity_check(20)")
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var found []string
	for rows.Next() {
		var line string
		if err := rows.Scan(&line); err != nil {
			return nil, err
		}
		if line != "ok" {
			found = append(found, line)
		}
	}
	return found, rows.Err()
}

// compareTable goes through a table of both files side by side, in key order, and
// names the first row that differs.
func compareTable(ctx context.Context, table string, live *sql.Tx, fold *DB) (found []string, err error) {
	query := "SELECT rowid, * FROM " + table + " ORDER BY rowid"
	a, err := live.QueryContext(ctx, query)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, a.Close()) }()
	b, err := fold.QueryContext(ctx, query)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, b.Close()) }()
	for {
		x, err := nextRow(a)
		if err != nil {
			return nil, err
		}
		y, err := nextRow(b)
		if err != nil {
			return nil, err
		}
		switch {
		case x == nil && y == nil:
			return nil, nil
		case x == nil:
			return []string{fmt.Sprintf("%s lacks the row of event %s", table, y[0])}, nil
		case y == nil:
			return []string{fmt.Sprintf("%s has a row %s that the log does not give", table, x[0])}, nil
		case !slices.Equal(x, y):
			return []string{fmt.Sprintf("%s: row %s differs from what the log gives", table, x[0])}, nil
		}
	}
}

// nextRow reads a row with each value as text and its type; nil: no more.
func nextRow(rows *sql.Rows) ([]string, error) {
	if !rows.Next() {
		return nil, rows.Err()
	}
	columns, err := rows.Columns()
	if err != nil {
		return nil, err
	}
	values := make([]any, len(columns))
	pointers := make([]any, len(columns))
	for i := range values {
		pointers[i] = &values[i]
	}
	if err := rows.Scan(pointers...); err != nil {
		return nil, err
	}
	texts := make([]string, len(columns))
	for i, v := range values {
		texts[i] = fmt.Sprintf("%v", v)
		if i > 0 {
			texts[i] = fmt.Sprintf("%T %v", v, v)
		}
	}
	return texts, nil
}
