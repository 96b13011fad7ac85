package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/dustin/go-humanize"
	"github.com/spf13/cobra"

	"systape/format"
	"systape/replay/redact"
	"systape/replay/units"
)

const bundleHelp = `Puts a capture and what there is to say about it into one zip file, to be attached
to a bug report: the capture, redacted as 'systape redact' does it; info, latency,
errors, sequences and verify as text; the page of 'systape report'; and a manifest
with the SHA-256 of each.

Every command reads the bundle as it is: systape latency bug.zip. 'systape verify'
also holds its files against the manifest. Nothing has to be unpacked, and nothing
is: a capture in a bundle is stored, not compressed, because it is compressed
already.

With --max-size a capture that is too large is trimmed in time: to its end, or to
what is around --around, which is a time of FILE, before redaction shifts it. What
is left out is said, in the manifest too.

The same capture and --key make the same bundle, byte by byte; without --key each
has a key of its own, which is thrown away.

` + fileHelp + partsHelp

type bundleFlags struct {
	output, key, maxSize, around string
	drop                         []string
	plain, force                 bool
}

func newBundleCommand() *cobra.Command {
	var f bundleFlags
	c := &cobra.Command{
		Use:   "bundle FILE... -o bug.zip",
		Short: "Put a redacted capture and its results into one file for a bug report",
		Long:  bundleHelp,
		Example: `  systape bundle trace.parquet -o bug.zip
  systape bundle trace.parquet --key team.key --max-size 25MB -o bug.zip
  systape bundle trace.parquet --max-size 10MB --around 16:14:43.9 -o bug.zip
  systape latency bug.zip`,
		RunE: func(c *cobra.Command, args []string) error { return runBundle(c, &f, args) },
	}
	fl := c.Flags()
	fl.StringVarP(&f.output, "output", "o", "", "the zip `file` to write")
	fl.StringVar(&f.key, "key", "", "redact under the key in this `file`, made if it is not there")
	fl.StringSliceVar(&f.drop, "drop", nil, "leave out these `classes` of arguments and results: "+strings.Join(redact.Droppable, " "))
	fl.BoolVar(&f.plain, "no-redact", false, "put in the capture as it is, with all names")
	fl.StringVar(&f.maxSize, "max-size", "", "make no bundle larger than this `size`, such as 25MB: of a larger capture its end is put in")
	fl.StringVar(&f.around, "around", "", "with --max-size: put in what is around this `time`, not the end")
	fl.BoolVar(&f.force, "force", false, "replace the file if it exists")
	fl.SortFlags = false
	return c
}

func (f *bundleFlags) valid(args []string) (limit uint64, err error) {
	r := redactFlags{output: f.output, drop: f.drop, format: "table"}
	if err := r.valid(args); err != nil {
		return 0, err
	}
	if f.plain && (f.key != "" || len(f.drop) > 0) {
		return 0, errors.New("--no-redact puts in everything: --key and --drop have no meaning with it")
	}
	if f.maxSize != "" {
		if limit, err = humanize.ParseBytes(f.maxSize); err != nil || limit == 0 {
			return 0, fmt.Errorf("--max-size %s: want a size such as 25MB", f.maxSize)
		}
	}
	if f.around != "" {
		if f.maxSize == "" {
			return 0, errors.New("--around says what --max-size keeps, and that is not given")
		}
		if _, err := parseInstant(f.around); err != nil {
			return 0, fmt.Errorf("--around: %w", err)
		}
	}
	return limit, nil
}

func runBundle(c *cobra.Command, f *bundleFlags, args []string) error {
	limit, err := f.valid(args)
	if err != nil {
		return usageError(c, err)
	}
	// MkdirTemp's names differ in length, and columns have the width of names.
	dir := filepath.Join(os.TempDir(), "systape-bundle-"+rand.Text())
	clean := func() { os.RemoveAll(dir) }
	defer leftOnInterrupt.add(clean)()
	if err := os.Mkdir(dir, 0o700); err != nil {
		return err
	}
	defer clean()
	stdin, done, err := holdStdin(c, args)
	if err != nil {
		return err
	}
	defer done()
	c.SetIn(stdin)
	made := &bundleMaker{c: c, flags: f, dir: dir, limit: limit}
	if made.key, err = redactKey(&redactFlags{key: f.key}); err != nil {
		return err
	}
	size, err := made.of(args)
	if err != nil {
		return err
	}
	if limit > 0 && uint64(size) > limit {
		fitter, err := newBundleFitter(c, f, dir, args, limit)
		if err != nil {
			return err
		}
		made.left = &fitter.trim
		if err := fitter.fit(size, made.of); err != nil {
			return err
		}
	}
	file, err := createResult(c.OutOrStdout(), f.output, append([]string{f.key}, args...), f.force)
	if err != nil {
		return err
	}
	size, err = writeBundle(file, made.files, &made.redacted, made.left)
	if err = file.close(err); err != nil {
		return err
	}
	tellUnsigned(c.ErrOrStderr(), args)
	if made.left != nil {
		fmt.Fprintf(c.ErrOrStderr(), "%s\n", made.left.words())
	}
	fmt.Fprintf(c.ErrOrStderr(), "bundle: %s, %s, %s\n", units.Bytes(size), units.Counted(int64(len(made.files)+1), "file"), made.redacted.words())
	return nil
}

// bundleMaker makes what goes into a bundle, for one capture after another until
// it has the right size.
type bundleMaker struct {
	c     *cobra.Command
	flags *bundleFlags
	dir   string
	limit uint64
	key   redact.Key // one for all tries

	files    []bundleFile
	redacted bundleRedaction
	left     *bundleTrim // nil: the capture is whole
}

// of makes the files of the bundle of a capture, and says how large it gets.
func (m *bundleMaker) of(inputs []string) (size int64, err error) {
	capture := filepath.Join(m.dir, format.BundleCapture)
	if err := os.Remove(capture); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return 0, err
	}
	if err := m.capture(inputs, capture); err != nil {
		return 0, err
	}
	m.files = []bundleFile{{name: format.BundleCapture, path: capture}}
	for _, a := range bundleAnswers {
		text, err := bundleAnswer(m.c.Context(), capture, a.args)
		if err != nil {
			return 0, err
		}
		m.files = append(m.files, bundleFile{name: a.name, text: text})
	}
	report, err := m.report(capture)
	if err != nil {
		return 0, err
	}
	m.files = append(m.files, bundleFile{name: "report.html", text: report})
	return writeBundle(io.Discard, m.files, &m.redacted, m.left)
}

// capture writes the capture that goes into the bundle.
func (m *bundleMaker) capture(inputs []string, to string) error {
	in, err := openInput(m.c, inputs, format.AllColumns)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	if m.flags.plain {
		return errors.Join(rewrite(in, out), out.Close())
	}
	r := redact.New(m.key, redact.Options{Drop: m.flags.drop, Tool: "systape " + version})
	_, err = redactInto(in, r, out)
	m.redacted = bundleRedaction{Key: m.key.Fingerprint(), Dropped: m.flags.drop}
	return errors.Join(err, out.Close())
}

// rewrite writes all of a capture as one file.
func rewrite(in *input, w io.Writer) error {
	pw, err := format.NewParquetWriter(w, in.Meta())
	if err != nil {
		return err
	}
	if err := in.Batches(in.ctx, pw.Write); err != nil {
		return inputError(err)
	}
	return pw.Close(in.Meta())
}

// bundleAnswers are the texts in a bundle: what commands say of the capture.
var bundleAnswers = []struct {
	name string
	args []string
}{
	{"info.txt", []string{"info"}},
	{"latency.txt", []string{"latency"}},
	{"errors.txt", []string{"latency", "--errors"}},
	{"sequences.txt", []string{"sequences"}},
	{"verify.txt", []string{"verify"}},
}

// runAnother is [run]; the table of commands, which run needs, cannot mention
// itself by way of a command.
var runAnother func(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int

func init() { runAnother = run }

// bundleAnswer runs a command over the capture. That it finds something wrong
// is an answer, too.
func bundleAnswer(ctx context.Context, capture string, args []string) ([]byte, error) {
	var out, errs bytes.Buffer
	code := runAnother(ctx, append(args[:len(args):len(args)], capture), strings.NewReader(""), &out, &errs)
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	fmt.Fprintf(&out, "%s", errs.Bytes())
	if code != exitOK {
		fmt.Fprintf(&out, "exit code %d\n", code)
	}
	return bundleText(out.Bytes(), capture), nil
}

// bundleText calls the capture what the bundle does. The table of files has a
// column as wide as the path, whose length is nobody's business.
func bundleText(text []byte, capture string) []byte {
	const heading = "file"
	narrow := strings.Repeat(" ", len(capture)-len(format.BundleCapture))
	text = bytes.ReplaceAll(text, []byte("\n"+heading+narrow+"  "), []byte("\n"+heading+"  "))
	text = bytes.ReplaceAll(text, []byte(capture), []byte(format.BundleCapture))
	return bytes.ReplaceAll(text, []byte(filepath.Dir(capture)+string(filepath.Separator)), nil)
}

// The page of a bundle takes a quarter of its size at most, within what
// 'systape report' can do.
const (
	leastReport = 1 << 18
	mostReport  = 5_000_000
)

// report makes the page of the capture.
func (m *bundleMaker) report(capture string) ([]byte, error) {
	size := uint64(mostReport)
	if m.limit > 0 {
		size = min(max(m.limit/4, leastReport), mostReport)
	}
	page := filepath.Join(m.dir, "report.html")
	var errs bytes.Buffer
	args := []string{"report", capture, "-o", page, "--force", "--max-size", strconv.FormatUint(size, 10)}
	if code := runAnother(m.c.Context(), args, strings.NewReader(""), io.Discard, &errs); code != exitOK {
		return nil, errors.Join(m.c.Context().Err(), fmt.Errorf("report: %s", strings.TrimSpace(errs.String())))
	}
	return os.ReadFile(page)
}
