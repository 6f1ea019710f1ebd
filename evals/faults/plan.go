//go:build linux

package faults

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"

	"github.com/explog/explog/evals/internal/memfs"
)

// counter tells the requests of a run apart.
type counter map[target]int

// random is the part of a file's name that is not the same from run to run.
var random = regexp.MustCompile(`[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|[0-9a-f]{16}|[0-9]{3,}`)

// next returns which request this is.
func (c counter) next(r memfs.Request) target {
	t := target{op: r.Op, name: random.ReplaceAllString(r.Name, "*")}
	c[t]++
	t.nth = c[t]
	return t
}

// step is a fault to be tried at a request.
type step struct {
	target
	fault
}

func (s step) String() string { return fmt.Sprintf("%s at %s", s.fault, s.target) }

// plan lists what to try, given what a run requested, in an order that does not depend
// on which of several threads came first.
type plan struct {
	counter
	steps []step
	asked int // requests
}

// add notes a request of the run.
func (p *plan) add(r memfs.Request) {
	if p.counter == nil {
		p.counter = make(counter)
	}
	p.asked++
	t := p.next(r)
	for _, f := range faultsOf(r) {
		p.steps = append(p.steps, step{t, f})
	}
}

func (p *plan) sorted() []step {
	return slices.SortedFunc(slices.Values(p.steps), func(a, b step) int {
		return cmp.Or(cmp.Compare(a.op, b.op), cmp.Compare(a.target.name, b.target.name), cmp.Compare(a.nth, b.nth),
			cmp.Compare(a.fault.name, b.fault.name))
	})
}
