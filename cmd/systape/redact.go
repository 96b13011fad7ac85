package main

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"systape/cmd/systape/internal/out"
	"systape/cmd/systape/internal/views"
	"systape/format"
	"systape/replay"
	"systape/replay/redact"
	"systape/replay/units"
)

const redactHelp = `Makes of a capture one that may be given to strangers. What names a person, a
machine, a program or a file becomes a pseudonym: names of threads, containers,
the host, users, executed files and paths part by part, addresses of networks.
What every system has is kept: /usr/lib, libc.so.6, sh. Addresses of memory are
blurred, times shifted by a constant, and of the command line the program
remains. Calls, durations, order, errors, threads and processes are as before:
latency, sequences and errors give the same figures.

The same key gives the same pseudonyms and the same shift in every capture, and
without it they cannot be undone. --key FILE holds it and is made if it is not
there; without --key it is thrown away, and no other capture will agree.

--dry-run writes nothing and lists what would leave the machine, by kind, with
examples of what becomes of it, or all of it with --all or --format json. --drop
leaves out more: descriptors identities sizes constants numbers (arguments of these
classes) and results, all of which are then "not known"; errors stay. The capture
says what was done.

What this cannot hide: which calls a program makes, how often and how long, is
like a fingerprint of the program. The numbers of processes and threads, sizes
and descriptors stay unless they are dropped.

` + fileHelp + partsHelp

type redactFlags struct {
	output, key, format string
	drop                []string
	dryRun, all, force  bool
}

func newRedactCommand() *cobra.Command {
	var f redactFlags
	c := &cobra.Command{
		Use:   "redact FILE... -o SAFE",
		Short: "Make a capture that names nobody, with the same figures",
		Long:  redactHelp,
		Example: `  systape redact trace.parquet -o safe.parquet
  systape redact trace.parquet --dry-run
  systape redact monday.parquet --key team.key -o monday-safe.parquet
  systape redact trace.parquet --drop sizes,numbers,results -o safe.parquet`,
		RunE: func(c *cobra.Command, args []string) error { return runRedact(c, &f, args) },
	}
	fl := c.Flags()
	fl.StringVarP(&f.output, "output", "o", "", "the `capture` to write")
	fl.StringVar(&f.key, "key", "", "the `file` with the key, made if it is not there")
	fl.StringSliceVar(&f.drop, "drop", nil, "leave out these `classes`, too: "+strings.Join(redact.Droppable, " "))
	fl.BoolVar(&f.dryRun, "dry-run", false, "write nothing, list what would leave")
	fl.BoolVar(&f.all, "all", false, "--dry-run: list all names, not examples")
	fl.StringVar(&f.format, "format", "table", "--dry-run: table or json")
	fl.BoolVar(&f.force, "force", false, "replace the capture if it exists")
	fl.SortFlags = false
	return c
}

func (f *redactFlags) valid(args []string) error {
	for _, d := range f.drop {
		if !slices.Contains(redact.Droppable, d) {
			return fmt.Errorf("--drop: unknown class %q, want one of %s", d, strings.Join(redact.Droppable, " "))
		}
	}
	switch {
	case len(args) == 0:
		return errors.New("no capture given")
	case f.format != "table" && f.format != "json":
		return fmt.Errorf("--format: unknown form %q, want table or json", f.format)
	case f.all && !f.dryRun:
		return errors.New("--all is for --dry-run")
	case f.dryRun && f.output != "":
		return errors.New("--dry-run writes nothing: give it or -o")
	case !f.dryRun && f.output == "":
		return errors.New("-o is missing: where is the redacted capture to go?")
	}
	return nil
}

func runRedact(c *cobra.Command, f *redactFlags, args []string) error {
	if err := f.valid(args); err != nil {
		return usageError(c, err)
	}
	in, err := openInput(c, args, format.AllColumns)
	if err != nil {
		return err
	}
	defer in.Close()
	key, err := redactKey(f)
	if err != nil {
		return err
	}
	r := redact.New(key, redact.Options{Drop: f.drop, Tool: "systape " + version})
	if f.dryRun {
		if err := redactLook(in, r); err != nil {
			return err
		}
		p := &views.Privacy{Found: r.Found(), Meta: in.Meta(), Redacting: true, All: f.all}
		return p.Write(c.OutOrStdout(), f.format)
	}
	file, err := createResult(c.OutOrStdout(), f.output, append([]string{f.key}, args...), f.force)
	if err != nil {
		return err
	}
	rows, err := redactInto(in, r, file)
	if err = file.close(err); err != nil {
		return err
	}
	found := r.Found()
	var words []string
	for _, k := range found.Kinds {
		if n := k.Distinct - k.Kept; n > 0 {
			words = append(words, fmt.Sprintf("%s: %s", k.Name, units.Count(n)))
		}
	}
	tellUnsigned(c.ErrOrStderr(), args)
	fmt.Fprintf(c.ErrOrStderr(), "redacted: %s; replaced: %s; key %s\n", units.Counted(rows, "row"), strings.Join(words, ", "), key.Fingerprint())
	return nil
}

// redactInto writes the redacted capture to w and returns how many rows it has.
func redactInto(in *input, r *redact.Redactor, w interface{ Write([]byte) (int, error) }) (rows int64, err error) {
	meta, err := r.Meta(in.Meta())
	if err != nil {
		return 0, err
	}
	pw, err := format.NewParquetWriter(w, meta)
	if err != nil {
		return 0, err
	}
	add, finish := in.progress("redacting")
	defer finish()
	if err := redactBatches(in, r, func(b *format.Batch) error { add(b.N); return pw.Write(b) }); err != nil {
		return 0, err
	}
	if meta, err = r.Meta(in.Meta()); err != nil { // with what was known at the end only
		return 0, err
	}
	return pw.Rows(), pw.Close(meta)
}

// redactLook goes over the capture for what is in it.
func redactLook(in *input, r *redact.Redactor) error {
	if err := redactBatches(in, r, func(*format.Batch) error { return nil }); err != nil {
		return err
	}
	_, err := r.Meta(in.Meta())
	return err
}

func redactBatches(in *input, r *redact.Redactor, fn func(*format.Batch) error) error {
	return inputError(in.Batches(in.ctx, func(b *format.Batch) error {
		safe, err := r.Batch(b)
		if err != nil {
			return err
		}
		return fn(safe)
	}))
}

// redactKey reads the key, or makes one.
func redactKey(f *redactFlags) (redact.Key, error) {
	fresh, text := redact.NewKey()
	if f.key == "" {
		return fresh, nil
	}
	have, err := readSmall(f.key)
	switch {
	case errors.Is(err, fs.ErrNotExist) && f.dryRun:
		return fresh, nil
	case errors.Is(err, fs.ErrNotExist):
		file, err := out.Create(nil, f.key, out.Options{FileOptions: format.FileOptions{Created: createdResult}})
		if err != nil {
			return fresh, outError(err)
		}
		_, err = file.WriteString(text + "\n")
		return fresh, outError(file.Close(err))
	case err != nil:
		return fresh, inputError(err)
	}
	key, err := redact.ParseKey(string(have))
	if err != nil {
		return key, &exitError{code: exitFailed, err: fmt.Errorf("--key %s: %w", f.key, err), hint: "name a file that is not there, and a key is made in it: systape redact --key NEW.key"}
	}
	return key, nil
}

// privacyOf looks at all of a capture for what names somebody.
func privacyOf(c *cobra.Command, args []string, opt replay.Options) (*views.Privacy, error) {
	opt.Columns = format.AllColumns
	in, err := openSession(c, args, opt)
	if err != nil {
		return nil, err
	}
	defer in.Close()
	key, _ := redact.NewKey()
	r := redact.New(key, redact.Options{})
	if err := redactLook(in, r); err != nil {
		return nil, err
	}
	p := &views.Privacy{Found: r.Found(), Meta: in.Meta()}
	p.Columns, p.Keys = in.Unread()
	return p, nil
}
