package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"systape/format"
)

// recordSummaryTrue: what record says when it has ended is what info says of
// its files, which verify finds nothing wrong with.
func recordSummaryTrue(t *testing.T, r recorder) {
	for _, c := range []struct {
		name   string
		args   []string
		starve bool // so that events are lost
	}{
		{name: "whole"},
		{name: "spool only", args: []string{"--spool"}},
		{name: "names and exact numbers", args: []string{"--paths", "--sample", "10"}},
		{name: "in parts", args: []string{"-C", "64KiB"}},
		{name: "losses", args: []string{"--buffer", "64KiB"}, starve: true},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := r.fly(t, c.args...)
			run := f.run
			if c.starve {
				run = f.runUnseen
			}
			run(t, r.program("noise")+" 20000 >/dev/null; :")
			f.control.Close()
			if err := f.Wait(); err != nil {
				t.Fatalf("%v\n%s", err, f.stderr.String())
			}
			files, _ := filepath.Glob(filepath.Join(f.dir, "*"))
			size := int64(0)
			for _, file := range files {
				at, err := os.Stat(file)
				if err != nil {
					t.Fatal(err)
				}
				size += at.Size()
			}
			r.succeed(t, "verify", f.dir)
			info := r.info(t, f.dir)
			words := summaryWords.FindStringSubmatch(f.stderr.String())
			if words == nil {
				t.Fatalf("no summary in\n%s", f.stderr.String())
			}
			events := info.Rows
			for _, k := range []format.Kind{format.Lost, format.Mark, format.Count, format.FD} { // what the recorder itself tells
				events -= info.Kinds[k.String()]
			}
			if table := strings.Join(strings.Fields(r.succeed(t, "info", f.dir).out), " "); !strings.Contains(table, "events "+words[1]+" in ") {
				t.Errorf("record says %s events, info says\n%s", words[1], table)
			}
			if words[1] != comma(events) {
				t.Errorf("%s events, info has %d", words[1], events)
			}
			if words[2] != comma(info.Lost) || c.starve != (info.Lost > 0) {
				t.Errorf("%s lost, info has %d", words[2], info.Lost)
			}
			each := strconv.FormatFloat(float64(size)/float64(events), 'f', 1, 64)
			if words[3] != each {
				t.Errorf("%s bytes each, the files have %s", words[3], each)
			}
		})
	}
}

var summaryWords = regexp.MustCompile(`systape: ([0-9,]+) events in \S+, ([0-9,]+) lost, [^,]+, ([0-9.]+) bytes each`)
