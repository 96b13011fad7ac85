package out

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"systape/format"
	"systape/replay/escape"
)

// File is where a result goes: standard output, a device or pipe, or a file
// that is called NAME.partial until it is complete. It is buffered.
type File struct {
	*bufio.Writer
	through *os.File           // a device, a pipe or a descriptor: written in place
	file    *format.Unfinished // a file of its own
	style   Style
}

// Style is how text for people looks there: what is written into a file of
// its own has no colours, whatever the terminal.
func (f *File) Style() Style { return f.style }

// Options say how an output is made.
type Options struct {
	format.FileOptions
	Inputs []string // what the result is made of
}

// Create opens the output called name; "" and "-" are stdout. What exists is
// replaced with Force only, and never if it is one of the inputs or lies in
// an input folder. Devices, pipes and names of open descriptors, such as
// /dev/stdout, are written through: to give their name to a file would take
// /dev/null from everybody.
func Create(stdout io.Writer, name string, opt Options) (*File, error) {
	buffered := func(w io.Writer) *bufio.Writer { return bufio.NewWriterSize(w, 64<<10) }
	style := StyleOf(stdout)
	if style.Terminal {
		stdout = terminalText{stdout}
	}
	if name == "" || name == "-" {
		return &File{Writer: buffered(stdout), style: style}, nil
	}
	if n, ok := Descriptor(name); ok {
		if n == 1 {
			return &File{Writer: buffered(stdout), style: style}, nil
		}
		return through(name, os.NewFile(uintptr(n), name), nil)
	}
	there, err := os.Stat(name)
	switch {
	case err == nil && there.IsDir():
		return nil, &Error{Err: fmt.Errorf("%s is a folder", escape.Text(name)), Hint: "name a file in it"}
	case err == nil && (!there.Mode().IsRegular() || inProc(name)):
		f, err := os.OpenFile(name, os.O_WRONLY, 0)
		return through(name, f, err)
	case err == nil && isInput(there, opt.Inputs):
		return nil, &Error{Kind: Usage, Err: fmt.Errorf("%s is the capture itself", escape.Text(name)), Hint: "choose another name for the result"}
	}
	file, err := format.CreateUnfinished(name, opt.FileOptions)
	if err != nil {
		return nil, refused(name, err)
	}
	return &File{Writer: buffered(file), file: file}, nil
}

func through(name string, f *os.File, err error) (*File, error) {
	if err == nil && f == nil {
		err = fmt.Errorf("%s is not open", name)
	}
	if err == nil {
		_, err = f.Stat()
	}
	if err != nil {
		return nil, refused(name, err)
	}
	w, style := io.Writer(f), StyleOf(f)
	if style.Terminal {
		w = terminalText{f}
	}
	return &File{Writer: bufio.NewWriterSize(w, 64<<10), through: f, style: style}, nil
}

// terminalText keeps binary results off the terminal, whose state they would
// change. What is text never has a zero byte, and what is not has one soon.
type terminalText struct{ io.Writer }

func (t terminalText) Write(p []byte) (int, error) {
	if bytes.IndexByte(p, 0) >= 0 {
		return 0, errBinary
	}
	return t.Writer.Write(p)
}

var errBinary = &Error{Kind: Usage, Err: errors.New("this is not text, and would upset the terminal"), Hint: "write it to a file with -o FILE, or into a pipe"}

// NotForTerminal returns an error if a result of this form, which is binary,
// would go to a terminal: said before the work is done.
func NotForTerminal(stdout io.Writer, name, form string) error {
	if n, ok := Descriptor(name); name != "" && name != "-" && (!ok || n != 1) || !StyleOf(stdout).Terminal || !slices.Contains(binaryForms, form) {
		return nil
	}
	return &Error{Kind: Usage, Err: fmt.Errorf("%s is not text, and would upset the terminal", form), Hint: errBinary.Hint}
}

var binaryForms = []string{"parquet", "arrows", "arrows-plain", "png", "perfetto", "pprof"}

func refused(name string, err error) error {
	name = escape.Text(name)
	switch {
	case errors.Is(err, fs.ErrPermission):
		return &Error{Kind: Permission, Err: err}
	case errors.Is(err, fs.ErrNotExist) && !isThere(filepath.Dir(name)):
		return &Error{Err: err, Hint: "there is no such folder: mkdir -p " + filepath.Dir(name)}
	case errors.Is(err, fs.ErrExist):
		return &Error{Err: fmt.Errorf("%s exists", name), Hint: "--force replaces it"}
	case errors.Is(err, format.ErrInUse):
		return &Error{Err: fmt.Errorf("%s: %w", name, err), Hint: "choose another name, or wait"}
	}
	return err
}

func isThere(name string) bool {
	_, err := os.Lstat(name)
	return err == nil
}

// isInput reports whether the file is one of the inputs, its spool, or a part
// in an input folder.
func isInput(there os.FileInfo, inputs []string) bool {
	same := func(name string) bool {
		info, err := os.Stat(name)
		return err == nil && os.SameFile(info, there)
	}
	for _, in := range inputs {
		if same(in) || same(in+".spool") {
			return true
		}
		entries, _ := os.ReadDir(in) // of a file there are none
		for _, e := range entries {
			if same(filepath.Join(in, e.Name())) {
				return true
			}
		}
	}
	return false
}

// Complete writes what is buffered and gives the file its name once it is
// safe on the disk.
func (f *File) Complete() error {
	err := f.Flush()
	switch {
	case f.through != nil:
		err = errors.Join(err, f.through.Close())
		f.through = nil
	case f.file != nil && err != nil:
		f.file.Abort()
		f.file = nil
	case f.file != nil:
		if err = f.file.Publish(nil); err != nil {
			err = refused(f.file.Name(), err)
		}
		f.file = nil
	}
	return err
}

// Discard removes what was written if Complete has not been called. What was
// written through cannot be taken back.
func (f *File) Discard() error {
	var err error
	switch {
	case f.through != nil:
		err = f.through.Close()
	case f.file != nil:
		f.file.Abort()
	}
	f.through, f.file = nil, nil
	return err
}

// Close ends the output: with an error, nothing remains of a file.
func (f *File) Close(err error) error {
	if err != nil {
		return errors.Join(err, f.Discard())
	}
	return f.Complete()
}
