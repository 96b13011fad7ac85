package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"systape/format"
	"systape/replay/units"
)

// bundleTrim is what of a capture does not go into its bundle, so that this has
// the size that was asked for. Times are told from the first event on, because
// those of a redacted capture are shifted.
type bundleTrim struct {
	Size   string `json:"max_size"`
	Events int64  `json:"events"`     // rows that the capture had
	Kept   int64  `json:"kept"`       // of them
	FromNS int64  `json:"from_ns"`    // calls that began before are left out; since the first event
	ToNS   int64  `json:"to_ns"`      // calls that began then or later are left out, likewise
	Around int64  `json:"around_ns"`  // what --around asked for, likewise; -1: nothing, and the end was kept
	LastNS int64  `json:"capture_ns"` // how long the capture was
}

func (t *bundleTrim) words() string {
	where := "the end is kept"
	if t.Around >= 0 {
		where = "what is around +" + offset(t.Around) + " is kept"
	}
	return fmt.Sprintf("left out %s of %s, for --max-size %s: %s, calls that began between +%s and +%s of %s",
		units.Count(t.Events-t.Kept), units.Counted(t.Events, "row"), t.Size, where, offset(t.FromNS), offset(t.ToNS), units.Duration(t.LastNS))
}

// offset writes a time since the first event as --from takes it.
func offset(ns int64) string {
	return fmt.Sprintf("%d.%09ds", ns/int64(time.Second), ns%int64(time.Second))
}

// bundleFitter finds the stretch of a capture whose bundle has the size that was
// asked for.
type bundleFitter struct {
	c      *cobra.Command
	flags  *bundleFlags
	dir    string
	inputs []string
	limit  int64
	first  int64 // capture time of the first event
	trim   bundleTrim
}

// bundleTries bounds how often the capture is cut anew; each try comes closer.
const bundleTries = 12

// newBundleFitter looks at how long the capture is, and where it is to be kept.
func newBundleFitter(c *cobra.Command, f *bundleFlags, dir string, inputs []string, limit uint64) (*bundleFitter, error) {
	info, err := format.ReadInfo(inputs, format.ReadOptions{Stdin: c.InOrStdin(), Warn: func(error) {}})
	if err != nil {
		return nil, inputError(err)
	}
	b := &bundleFitter{c: c, flags: f, dir: dir, inputs: inputs, limit: int64(min(limit, math.MaxInt64)), first: info.FirstNS}
	b.trim = bundleTrim{Size: f.maxSize, Events: info.Rows, Around: -1, LastNS: info.DurationNS()}
	if f.around == "" {
		return b, nil
	}
	in, err := openInput(c, inputs)
	if err != nil {
		return nil, err
	}
	defer in.Close()
	at, err := in.instant("around", f.around)
	if err != nil {
		return nil, err
	}
	if b.trim.Around = at - b.first; b.trim.Around < 0 || b.trim.Around > b.trim.LastNS {
		return nil, usageError(c, fmt.Errorf("--around %s: the capture is not of that time: it has %s from its first event on", f.around, units.Duration(b.trim.LastNS)))
	}
	return b, nil
}

// fit cuts the capture until make, which says how large a bundle of a capture
// gets, says that it fits. The bundle of the whole one had size bytes.
func (b *bundleFitter) fit(size int64, make func(inputs []string) (int64, error)) error {
	length := float64(b.trim.LastNS + 1)
	for try := range bundleTries {
		// The page and the texts have a size of their own, which no cut lessens: each
		// try takes away more than the one before.
		length *= min(0.9*float64(b.limit)/float64(size), 0.9-0.05*float64(try))
		if length < 1 {
			break
		}
		cut, err := b.cut(int64(length))
		if err != nil {
			return err
		}
		if size, err = make([]string{cut}); err != nil {
			return err
		}
		if size <= b.limit {
			return nil
		}
	}
	return &exitError{code: exitFailed, err: fmt.Errorf("no stretch of the capture makes a bundle of --max-size %s: the smallest has %s", b.flags.maxSize, units.Bytes(size)),
		hint: "give --max-size " + strings.ReplaceAll(units.Bytes(size+size/50), " ", "") + " or more; the report and the texts take most of a small one"}
}

// cut copies a stretch of the capture.
func (b *bundleFitter) cut(length int64) (string, error) {
	from, to := b.stretch(length)
	b.trim.FromNS, b.trim.ToNS = from, to
	name := filepath.Join(b.dir, "cut.parquet")
	args := append([]string{"copy"}, b.inputs...)
	args = append(args, "-o", name, "--force", "--from", "+"+offset(from), "--to", "+"+offset(to))
	var errs bytes.Buffer
	if code := runAnother(b.c.Context(), args, b.c.InOrStdin(), io.Discard, &errs); code != exitOK {
		return "", errors.Join(b.c.Context().Err(), fmt.Errorf("cut the capture: %s", strings.TrimSpace(errs.String())))
	}
	parts, err := format.Parts([]string{name}, format.ReadOptions{})
	if err != nil {
		return "", err
	}
	b.trim.Kept = parts[0].Meta.Part.Rows
	return name, nil
}

// stretch returns where a stretch of the length begins and ends.
func (b *bundleFitter) stretch(length int64) (from, to int64) {
	end := b.trim.LastNS + 1
	from = end - length
	if b.trim.Around >= 0 {
		from = min(max(b.trim.Around-length/2, 0), end-length)
	}
	return from, from + length
}
