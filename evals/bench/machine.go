package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// machine says where and with what was measured.
type machine struct {
	Date       string `json:"date"`
	Cores      int    `json:"cores"`
	CPU        string `json:"cpu"`
	Memory     int64  `json:"memory_bytes"`
	Kernel     string `json:"kernel"`
	FileSystem string `json:"file_system"` // of the temporary folder
	Load       string `json:"load"`        // at the start: means of 1, 5 and 15 minutes
	Explog     string `json:"explog"`
	Commit     string `json:"commit,omitempty"` // of the source, where the bench built the binary
	Go         string `json:"go"`               // of the bench
	Node       string `json:"node,omitempty"`
	SQLite3    string `json:"sqlite3,omitempty"`
}

// describeMachine leaves out what cannot be found out.
func describeMachine(ctx context.Context, b *bench) machine {
	m := machine{
		Date: time.Now().UTC().Format("2006-01-02 15:04 UTC"), Cores: runtime.NumCPU(), CPU: cpuModel(),
		FileSystem: fileSystem(b.dir), Go: runtime.Version(), Node: b.node, SQLite3: b.sqlite3,
	}
	var name unix.Utsname
	if unix.Uname(&name) == nil {
		m.Kernel = unix.ByteSliceToString(name.Sysname[:]) + " " + unix.ByteSliceToString(name.Release[:])
	}
	var info unix.Sysinfo_t
	if unix.Sysinfo(&info) == nil {
		m.Memory = int64(info.Totalram) * int64(info.Unit)
	}
	if load, err := os.ReadFile("/proc/loadavg"); err == nil {
		m.Load = strings.Join(strings.Fields(string(load))[:3], " ")
	}
	if e, err := b.explog(ctx, b.dir, "--version"); err == nil {
		m.Explog = strings.TrimPrefix(firstLine(e.out), "explog version ")
	}
	if b.built {
		if e, err := finish(exec.CommandContext(ctx, "git", "describe", "--always", "--dirty"), nil); err == nil {
			m.Commit = firstLine(e.out)
		}
	}
	return m
}

func (m machine) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s, load %s\n", m.Date, m.Load)
	fmt.Fprintf(&b, "%d cores, %s, %s, %s, %s\n", m.Cores, m.CPU, bytes.text(float64(m.Memory)), m.Kernel, m.FileSystem)
	fmt.Fprintf(&b, "explog %s %s; bench built by %s\n", m.Explog, m.Commit, m.Go)
	if m.Node != "" {
		fmt.Fprintf(&b, "%s\n", m.Node)
	}
	if m.SQLite3 != "" {
		fmt.Fprintf(&b, "sqlite3 %s\n", m.SQLite3)
	}
	return b.String()
}

func cpuModel() string {
	info, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		return runtime.GOARCH
	}
	for line := range strings.Lines(string(info)) {
		if name, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(name) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return runtime.GOARCH
}

// fileSystem returns the type of the file system that a folder is on: that of the
// longest mount point above it.
func fileSystem(dir string) string {
	mounts, err := os.ReadFile("/proc/mounts")
	if err != nil {
		return "unknown file system"
	}
	best, kind := "", ""
	for line := range strings.Lines(string(mounts)) {
		f := strings.Fields(line)
		if rel, err := filepath.Rel(f[1], dir); err == nil && !strings.HasPrefix(rel, "..") && len(f[1]) >= len(best) {
			best, kind = f[1], f[2]
		}
	}
	return kind
}

func firstLine(text string) string {
	line, _, _ := strings.Cut(text, "\n")
	return line
}
