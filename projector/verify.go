package projector

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

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
	name, err := dsn(path, "mode=ro")
	if err != nil {
		return nil, err
	}
	if _, err := live.ExecContext(ctx, "ATTACH ? AS fold", name); err != nil {
		return nil, fmt.Errorf("read the view that was built to compare: %w", err)
	}
	for _, table := range p.view.Tables {
		if found, err = compareTable(ctx, table, live); err != nil || len(found) > 0 {
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

// compareTable compares a table with that of the attached database fold, and names the first
// row that differs. SQLite does it: to read each value of a large view takes ten times as long.
func compareTable(ctx context.Context, table string, tx *sql.Tx) ([]string, error) {
	columns, err := columnsOf(ctx, tx, "fold", table)
	if err != nil {
		return nil, err
	}
	own, err := columnsOf(ctx, tx, "main", table)
	if err != nil {
		return nil, err
	}
	if !slices.Equal(own, columns) {
		return []string{table + " has other columns than the log gives"}, nil
	}
	differ := make([]string, len(columns))
	for i, c := range columns { // a column may have a collation by which different texts are equal
		differ[i] = fmt.Sprintf(`a."%[1]s" IS NOT b."%[1]s" COLLATE BINARY`, c)
	}
	row, extra, err := firstRow(ctx, tx, fmt.Sprintf(`SELECT a.rowid, b.rowid IS NULL FROM main.%[1]s AS a LEFT JOIN fold.%[1]s AS b ON b.rowid = a.rowid
WHERE b.rowid IS NULL OR %[2]s ORDER BY a.rowid LIMIT 1`, table, strings.Join(differ, " OR ")))
	switch {
	case err != nil:
		return nil, err
	case row != 0 && extra:
		return []string{fmt.Sprintf("%s has a row %d that the log does not give", table, row)}, nil
	case row != 0:
		return []string{fmt.Sprintf("%s: row %d differs from what the log gives", table, row)}, nil
	}
	row, missing, err := firstRow(ctx, tx, fmt.Sprintf(`SELECT b.rowid, 1 FROM fold.%[1]s AS b WHERE (SELECT count(*) FROM main.%[1]s) < (SELECT count(*) FROM fold.%[1]s)
AND NOT EXISTS (SELECT 1 FROM main.%[1]s AS a WHERE a.rowid = b.rowid) ORDER BY b.rowid LIMIT 1`, table))
	if missing {
		return []string{fmt.Sprintf("%s lacks the row of event %d", table, row)}, err
	}
	return nil, err
}

// firstRow returns the row id and the flag of a query; 0: it gives none.
func firstRow(ctx context.Context, tx *sql.Tx, query string) (row int64, flag bool, err error) {
	err = tx.QueryRowContext(ctx, query).Scan(&row, &flag)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, false, nil
	}
	return row, flag, err
}

func columnsOf(ctx context.Context, tx *sql.Tx, database, table string) ([]string, error) {
	rows, err := tx.QueryContext(ctx, "SELECT name FROM pragma_table_info(?, ?)", table, database)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var names []string
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			return nil, err
		}
		names = append(names, name)
	}
	return names, rows.Err()
}
