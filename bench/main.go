// Command bench measures qattn: what this machine can do, what the kernels reach of
// it, other libraries on the same shapes. It draws what it measured.
//
//	go run . roof          limits of this machine
//	go run . kernels       attention, append and micro-kernels against those limits
//	go run . peers         other libraries on the same shapes
//	go run . accuracy      errors of this and of emulated systems
//	go run . plot          charts of a results file
//
// README.md says what each number means.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"
)

// command is one subcommand. A file that defines one registers it from its init
// function; nothing else has to know about it.
type command struct {
	name string
	doc  string // one line
	run  func(ctx context.Context, args []string) error
}

var commands []command

func register(c command) { commands = append(commands, c) }

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := dispatch(ctx, os.Args[1:]); err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "bench:", err)
		stop()
		os.Exit(1)
	}
}

// dispatch runs the subcommand args name.
func dispatch(ctx context.Context, args []string) error {
	if len(args) == 0 || strings.Contains(args[0], "help") || args[0] == "-h" {
		usage(os.Stdout)
		return nil
	}
	for _, c := range commands {
		if c.name == args[0] {
			return c.run(ctx, args[1:])
		}
	}
	usage(os.Stderr)
	return fmt.Errorf("unknown command %q", args[0])
}

func usage(w io.Writer) {
	fmt.Fprintln(w, "usage: go run . COMMAND [flags]; COMMAND -h lists the flags")
	slices.SortFunc(commands, func(a, b command) int { return strings.Compare(a.name, b.name) })
	for _, c := range commands {
		fmt.Fprintf(w, "  %-10s %s\n", c.name, c.doc)
	}
}
