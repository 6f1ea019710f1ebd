package provider

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// runProgram is the program that the tests of Command talk to: this test's own
// binary, started with the word "program" and one of these.
func runProgram(what string, args []string) int {
	in := bufio.NewReader(os.Stdin)
	if answer, known := lineAnswers[what]; known {
		for {
			line, err := in.ReadString('\n')
			if err != nil {
				return 0
			}
			answer(strings.TrimSuffix(line, "\n"), args)
		}
	}
	switch what {
	case "once": // prints all of its input between two lines
		all, _ := io.ReadAll(in)
		fmt.Printf("first\n%slast\n", all)
	case "blind": // does not read
		fmt.Println("whatever it was, yes")
	case "mute":
		_, _ = io.ReadAll(in)
	case "fail":
		_, _ = in.ReadString('\n')
		fmt.Print("half an ans")
		fmt.Fprintln(os.Stderr, "out of \x1b[31mmemory")
		return 3
	case "closed": // closes its output and goes on
		os.Stdout.Close()
		time.Sleep(time.Minute)
	case "sleep":
		time.Sleep(time.Minute)
	case "nursery", "runaway": // leaves a child behind that holds its output open
		leave(args[0], what == "runaway")
		all, _ := io.ReadAll(in)
		fmt.Printf("%s", all)
	case "not there": // as env(1) says it
		return 127
	}
	return 0
}

// request is what a line of JSON says.
type request struct {
	ID, Prompt, Narrative, Model string
	Repeat                       int
	Seed                         *int64
}

// lineAnswers answer a line.
var lineAnswers = map[string]func(line string, args []string){
	"echo": func(line string, _ []string) {
		var r request
		_ = json.Unmarshal([]byte(line), &r)
		reply, _ := json.Marshal(map[string]any{"id": r.ID, "text": fmt.Sprintf("%s|%s|%s|%d", r.Prompt, r.Narrative, r.Model, r.Repeat), "input_tokens": len(line), "pid": os.Getpid()})
		fmt.Println(string(reply))
	},
	"plain":    func(line string, _ []string) { fmt.Printf("%d heard %s\n", os.Getpid(), line) },
	"say":      func(_ string, args []string) { fmt.Println(args[0]) },
	"chatty":   func(string, []string) { fmt.Println("one\ntwo") },
	"hang":     func(string, []string) { time.Sleep(time.Minute) },
	"one more": func(string, []string) { fmt.Println("yes"); os.Exit(0) },
	"endless": func(string, []string) {
		for range 10 << 10 {
			fmt.Print(strings.Repeat("x", 1<<10))
		}
		fmt.Println()
	},
	"hang once": func(_ string, args []string) { // the first time that it is run
		if f, err := os.OpenFile(args[0], os.O_CREATE|os.O_EXCL, 0o600); err == nil {
			f.Close()
			leave(args[1], false)
			time.Sleep(time.Minute)
		}
		fmt.Println("at last")
	},
	"environment": func(string, []string) { fmt.Println(os.Getenv("PYTHONUNBUFFERED"), os.Getenv("EXPLOG_TEST_SAYS")) },
	"directory": func(string, []string) {
		dir, _ := os.Getwd()
		fmt.Println(dir)
	},
}

// leave starts a child that holds all output open for long, and notes its number.
// One that runs away is not in our process group.
func leave(file string, away bool) {
	child := exec.Command(os.Args[0], "program", "sleep")
	child.Stdout, child.Stderr, child.SysProcAttr = os.Stdout, os.Stderr, &syscall.SysProcAttr{Setsid: away}
	if err := child.Start(); err == nil {
		_ = os.WriteFile(file, strconv.AppendInt(nil, int64(child.Process.Pid), 10), 0o600)
	}
}
