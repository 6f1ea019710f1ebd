package main

import (
	"bufio"
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

var long = flag.Bool("long", false, "run the long form: minutes, and gigabytes on disk")

// TestImportMemoryIsFlat imports a small and a large input, as JSONL and as an
// array, with ids and without, and compares the peak memory of the processes.
// Short: 10 MB and 40 MB. Long: 20 MB and 2 GB.
func TestImportMemoryIsFlat(t *testing.T) {
	small, large := 10<<20, 40<<20
	if *long {
		small, large = 20<<20, 2<<30
	} else if testing.Short() {
		t.Skip("it imports 100 MB; run without -short")
	}
	dir := t.TempDir()
	binary := string(builtBinary(t))
	for _, array := range []bool{false, true} {
		var peak [2]int64
		for i, size := range []int{small, large} {
			peak[i] = importPeak(t, binary, filepath.Join(dir, fmt.Sprint(array, i)), size, array)
		}
		t.Logf("array %v: peak %d MB for %d MB of input, %d MB for %d MB", array, peak[0]>>20, small>>20, peak[1]>>20, large>>20)
		if peak[1] > 150<<20 || peak[1] > peak[0]*5/2 {
			t.Errorf("array %v: peak memory grows from %d to %d MB", array, peak[0]>>20, peak[1]>>20)
		}
	}
}

// importPeak imports size bytes of records and returns the peak memory in bytes.
func importPeak(t *testing.T, binary, dir string, size int, array bool) int64 {
	t.Helper()
	path := dir + ".json"
	records := writeRecords(t, path, size, array)
	cmd := exec.CommandContext(context.Background(), binary, "--dir", dir, "import", "--client", "c", "--file", path)
	out, err := cmd.Output()
	if err != nil || !strings.Contains(string(out), fmt.Sprintf("%d new", records)) {
		t.Fatalf("%s %v", out, err)
	}
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	return cmd.ProcessState.SysUsage().(*syscall.Rusage).Maxrss << 10 // Linux counts KiB
}

// writeRecords writes records of about 1.2 KB, half of them without an id, up to
// a size.
func writeRecords(t *testing.T, path string, size int, array bool) (records int) {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	w := bufio.NewWriter(f)
	text := strings.Repeat("compare the tag's trigger with the event that the page sends; ", 15)
	for written := 0; written < size; records++ {
		separator, id := "", ""
		if array {
			separator = map[bool]string{true: "[", false: ","}[records == 0]
		}
		if records%2 == 0 {
			id = fmt.Sprintf(`"id":"7d9f3c1e-0f4b-4a65-9d5e-%012x",`, records)
		}
		n, err := fmt.Fprintf(w, "%s{%s"+`"problem":"problem %d","solution":"%s","score":0.5,"account_snapshot":{"n":%d},"sources_used":["gtm"]}`+"\n",
			separator, id, records, text, records)
		if err != nil {
			t.Fatal(err)
		}
		written += n
	}
	if array {
		fmt.Fprint(w, "]")
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	return records
}
