package main

import (
	"time"

	"github.com/urfave/cli/v3"

	"github.com/explog/explog"
	"github.com/explog/explog/query"
)

// filterFlags are what query, export and count have in common.
func filterFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "client", Usage: "only records of this `CLIENT`"},
		&cli.StringFlag{Name: "run", Usage: "only records of this `RUN`"},
		&cli.FloatFlag{Name: "min-score", Usage: "only scores of at least this `SCORE`"},
		&cli.FloatFlag{Name: "max-score", Usage: "only scores of at most this `SCORE`"},
		&cli.StringFlag{Name: "since", Usage: "only from this `TIME` on: RFC 3339, a date (UTC), or an age such as 7d or 12h"},
		&cli.StringFlag{Name: "until", Usage: "only before this `TIME`"},
		&cli.StringSliceFlag{Name: "source", Usage: "only records that used this `SOURCE`; repeated: any of them"},
		&cli.IntFlag{Name: "limit", Usage: "at most `N` records"},
		&cli.StringFlag{Name: "order", Value: "log", Usage: "`ORDER` of the records: log, newest, oldest or best"},
	}
}

// filterOf reads the filter that the flags say.
func filterOf(cmd *cli.Command) (explog.Filter, error) {
	f := explog.Filter{
		Client: cmd.String("client"), Run: cmd.String("run"),
		Sources: cmd.StringSlice("source"), Limit: cmd.Int("limit"),
	}
	for name, bound := range map[string]**float64{"min-score": &f.MinScore, "max-score": &f.MaxScore} {
		if cmd.IsSet(name) {
			v := cmd.Float(name)
			*bound = &v
		}
	}
	for name, bound := range map[string]*time.Time{"since": &f.Since, "until": &f.Until} {
		if !cmd.IsSet(name) {
			continue
		}
		var err error
		if *bound, err = query.ParseTime(cmd.String(name), time.Now()); err != nil {
			return f, usagef("--%s: %v", name, err)
		}
	}
	var err error
	if f.Order, err = query.ParseOrder(cmd.String("order")); err != nil {
		return f, usagef("--order: %v", err)
	}
	if f.Limit < 0 || cmd.IsSet("limit") && f.Limit == 0 {
		return f, usagef("--limit: want a number above 0, got %d", f.Limit)
	}
	return f, nil
}
