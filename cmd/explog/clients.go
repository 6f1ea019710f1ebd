package main

import (
	"context"
	"fmt"
	"slices"

	"github.com/explog/explog"
)

// shownNames is how many names are listed of those that there are.
const shownNames = 5

// thereAre lists the names that there are, those nearest to a word first.
func thereAre(word string, names []string) string {
	near := nearestFirst(word, names)
	var quoted []string
	for _, name := range near[:min(len(near), shownNames)] {
		quoted = append(quoted, fmt.Sprintf("%.60q", name))
	}
	switch more := len(near) - len(quoted); {
	case len(quoted) == 0:
		return "there is none yet"
	case more > 0:
		quoted = append(quoted, fmt.Sprintf("%d more", more))
	}
	verb := "there are "
	if len(near) == 1 {
		verb = "there is "
	}
	return verb + joinAnd(quoted)
}

// noteClient says which clients there are where the log has no record of one that was
// asked for.
func noteClient(ctx context.Context, c *console, l *explog.Logger, client string) {
	if client == "" {
		return
	}
	clients, err := l.Clients(ctx)
	if err != nil || slices.Contains(clients, client) {
		return
	}
	c.note("the log has no client %q; %s", client, thereAre(client, clients))
}
