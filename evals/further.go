package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

// furtherSuites hold explog to what it promises beyond the core suites. They use
// the built binary, as people do.
var furtherSuites = []suite{
	{"Fidelity", fidelity},
	{"Duplicates and Conflicts", duplicatesAndConflicts},
	{"Rebuild Equals Incremental", rebuildEqualsIncremental},
	{"Several Processes", severalProcesses},
	{"Killed", killed},
}

// explog runs the binary on a store and returns its standard output and exit
// code.
func (r *runner) explog(store, stdin string, args ...string) (string, int) {
	ctx, cancel := context.WithTimeout(r.ctx, time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, r.binary, append([]string{"--dir", store}, args...)...)
	cmd.Stdin = strings.NewReader(stdin)
	var out bytes.Buffer
	cmd.Stdout = &out
	err := cmd.Run()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return out.String(), exit.ExitCode()
	}
	if err != nil {
		r.check("Run explog "+strings.Join(args, " "), false, err)
	}
	return out.String(), 0
}

// verified checks that a store is whole.
func (r *runner) verified(name, store string) {
	out, code := r.explog(store, "", "verify")
	r.check(name, code == 0, out)
}

// odd is a record with all that is hard to keep.
const odd = `{"attempt":1.50,"score":1e-1,"sources_used":["gtm","meta"],"account_snapshot":{"n":12345678901234567890,"x":86.30000000000001,"u":"\u00e9"},` +
	`"timestamp":"2026-04-07T09:30:00.123456789+02:00","solution":"\u0000 \u2028 \ud83d\ude00 שלום <b>&\"\\","problem":"line\nline",` +
	`"run_id":"r","client_id":"c","id":"7D9F3C1E-0F4B-4A65-9D5E-2F8B1C6A7E90"}`

const oddExported = `{"id":"7d9f3c1e-0f4b-4a65-9d5e-2f8b1c6a7e90","client_id":"c","run_id":"r","problem":"line\nline",` +
	`"solution":"\u0000 ` + "\u2028" + ` 😀 שלום <b>&\"\\","score":1e-1,"timestamp":"2026-04-07T09:30:00.123456789+02:00",` +
	`"account_snapshot":{"n":12345678901234567890,"x":86.30000000000001,"u":"\u00e9"},"sources_used":["gtm","meta"]`

func fidelity(r *runner) {
	store, other := r.newStore(), r.newStore()
	r.explog(store, odd, "import", "--file", "-")
	export, _ := r.explog(store, "", "export")
	r.check("Nine fields come back as they were given", export == oddExported+"}\n", export)
	all, _ := r.explog(store, "", "export", "--all-fields")
	r.check("Unknown fields come back too", all == oddExported+`,"attempt":1.50}`+"\n", all)
	out, _ := r.explog(other, export, "import", "--file", "-")
	r.check("An export can be imported", strings.Contains(out, "1 new, 0 duplicate"), out)
	again, _ := r.explog(other, "", "export")
	r.check("Export of an import is the import again", again == export, again)
	out, _ = r.explog(store, export, "import", "--file", "-")
	r.check("An export imported again is all duplicates", strings.Contains(out, "0 new, 1 duplicate, 0 conflicting"), out)
	r.verified("Both stores verify", store)
}

func duplicatesAndConflicts(r *runner) {
	store := r.newStore()
	line := func(solution string) string {
		return `{"id":"7d9f3c1e-0f4b-4a65-9d5e-2f8b1c6a7e91","client_id":"c","run_id":"r","problem":"p","solution":"` + solution + `","score":0.5}` + "\n"
	}
	out, code := r.explog(store, line("first")+line("first")+line("second"), "import", "--file", "-")
	r.check("Same content is a duplicate, other content a conflict",
		code == 3 && strings.Contains(out, "1 new, 1 duplicate, 1 conflicting, 0 rejected"), code, out)
	export, _ := r.explog(store, "", "export")
	r.check("The first one stands", strings.Contains(export, "first") && strings.Count(export, "\n") == 1, export)
	rejects, _ := r.explog(store, "", "rejects", "export")
	r.check("The conflicting one is kept", strings.Contains(rejects, `"reason":"conflict"`) && strings.Contains(rejects, "second"), rejects)
	r.explog(store, line("second"), "import", "--file", "-")
	rejects, _ = r.explog(store, "", "rejects", "export")
	r.check("Met again, it is not doubled", strings.Count(rejects, "\n") == 1, rejects)
	r.verified("The store verifies", store)
}

func rebuildEqualsIncremental(r *runner) {
	store := r.newStore()
	for n := range 20 {
		var in strings.Builder
		for i := range 5 {
			fmt.Fprintf(&in, `{"problem":"p %d","solution":"s","score":0.%d}`+"\n", n*3+i, i+1)
		}
		in.WriteString("rubbish " + fmt.Sprint(n) + "\n")
		r.explog(store, in.String(), "import", "--file", "-", "--client", "c")
	}
	before, _ := r.explog(store, "", "export", "--all-fields")
	r.verified("The view equals the log after many small imports", store)
	r.explog(store, "", "rebuild")
	after, _ := r.explog(store, "", "export", "--all-fields")
	r.check("Rebuilt, it gives the same export", before == after && before != "")
	if err := os.Remove(filepath.Join(store, "experiments.sqlite")); err != nil {
		r.check("Remove the view", false, err)
	}
	afresh, _ := r.explog(store, "", "export", "--all-fields")
	r.check("Deleted and made again, it gives the same export", before == afresh)
	r.verified("The view equals the log", store)
}

func severalProcesses(r *runner) {
	store := r.newStore()
	var in strings.Builder
	for n := range 2000 {
		fmt.Fprintf(&in, `{"problem":"p %d","solution":"s","score":0.5}`+"\n", n)
	}
	var wg sync.WaitGroup
	codes := make([]int, 6)
	for i := range codes {
		wg.Go(func() {
			switch i {
			case 4:
				_, codes[i] = r.explog(store, odd, "save")
			case 5:
				for range 5 {
					if exists, _ := filepath.Glob(filepath.Join(store, "events.db")); exists != nil {
						_, codes[i] = r.explog(store, "", "rebuild")
					}
				}
			default:
				_, codes[i] = r.explog(store, in.String(), "import", "--file", "-", "--client", "c")
			}
		})
	}
	wg.Wait()
	sum := 0
	for _, code := range codes {
		sum += code
	}
	r.check("Four imports of the same, a save and rebuilds at once: no error", sum == 0, codes)
	out, _ := r.explog(store, "", "count")
	r.check("Every record is there once", out == "2001 records\n", out)
	r.verified("The store verifies", store)
}

// killed imports with explog and kills it with SIGKILL at growing delays.
func killed(r *runner) {
	store := r.newStore()
	var in strings.Builder
	for n := range 30_000 {
		fmt.Fprintf(&in, `{"problem":"p %d","solution":"%s","score":0.5}`+"\n", n, strings.Repeat("step ", 20))
	}
	whole := true
	for round := range 6 {
		cmd := exec.CommandContext(r.ctx, r.binary, "--dir", store, "import", "--file", "-", "--client", "c")
		cmd.Stdin = strings.NewReader(in.String())
		if err := cmd.Start(); err != nil {
			r.check("Start explog", false, err)
			return
		}
		time.Sleep(time.Duration(round*60+20) * time.Millisecond)
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		if exists, _ := filepath.Glob(filepath.Join(store, "events.db")); exists == nil {
			continue
		}
		out, code := r.explog(store, "", "verify")
		if code != 0 {
			whole = false
			r.printf("        round %d: exit %d: %s", round, code, out)
		}
	}
	r.check("After each kill the store verifies", whole)
	out, code := r.explog(store, in.String(), "import", "--file", "-", "--client", "c")
	r.check("Importing again goes on where it stopped", code == 0 && strings.Contains(out, "0 conflicting, 0 rejected"), out)
	out, _ = r.explog(store, "", "count")
	r.check("Every record is there once", out == "30000 records\n", out)
	r.verified("The store verifies", store)
}
