package main

import (
	"fmt"
	"io"
	"os"
	"time"
)

// progress prints, on one line of a terminal or now and then elsewhere, how far a job
// is and when it will be done.
type progress struct {
	w     io.Writer
	line  bool // overwrite one line
	start time.Time
	last  time.Time
}

func newProgress() *progress {
	info, err := os.Stderr.Stat()
	return &progress{w: os.Stderr, line: err == nil && info.Mode()&os.ModeCharDevice != 0, start: time.Now()}
}

// restart begins a new job.
func (p *progress) restart() { p.start, p.last = time.Now(), time.Time{} }

// report says that done of total steps are behind and what comes next.
func (p *progress) report(done, total int, what string) {
	now := time.Now()
	every := 5 * time.Second
	if p.line {
		every = 100 * time.Millisecond
	}
	if now.Sub(p.last) < every && done < total {
		return
	}
	p.last = now
	text := fmt.Sprintf("%d of %d, %s left: %s", done, total, remaining(now.Sub(p.start), done, total), what)
	if p.line {
		fmt.Fprintf(p.w, "\r\x1b[K%s", text)
		if done == total {
			fmt.Fprintln(p.w)
		}
		return
	}
	fmt.Fprintln(p.w, text)
}

// remaining extrapolates from the steps done.
func remaining(spent time.Duration, done, total int) string {
	if done == 0 {
		return "?"
	}
	return (spent * time.Duration(total-done) / time.Duration(done)).Round(time.Second).String()
}
