package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"

	"github.com/spf13/pflag"
	"golang.org/x/term"

	"systape/capture"
	"systape/format"
	"systape/format/signature"
)

// passwordVariable has the password of the key of --sign. The recorded command
// does not get it.
const passwordVariable = "SYSTAPE_SIGN_PASSWORD"

// signFlags say with what the finished files are signed.
type signFlags struct {
	key, passwordFile string
	signer            *signature.Signer
	failed            error // the first file that could not be signed
}

func (f *signFlags) add(flags *pflag.FlagSet) {
	flags.StringVar(&f.key, "sign", "", "sign the finished files with the secret key of minisign's in this `file`, made if it is not there")
	flags.StringVar(&f.passwordFile, "sign-password", "", "the `file` with the key's password (default: $"+passwordVariable+", or asked for)")
}

// check finds out whether there will be anything to sign.
func (f *signFlags) check(all *recordFlags) error {
	switch {
	case f.key == "" && f.passwordFile != "":
		return errors.New("--sign-password is of the key of --sign, which is not given")
	case f.key == "":
		return nil
	case all.keepSpool:
		return errors.New("--sign signs finished files, and --spool stops before there are any")
	case isStream(all.out):
		return errors.New("--sign signs finished files, and a stream is none: name a file with -o")
	}
	return nil
}

// open reads the key, or makes one.
func (f *signFlags) open(all *recordFlags, stdin io.Reader, stderr io.Writer) error {
	fromVariable, given := os.LookupEnv(passwordVariable)
	os.Unsetenv(passwordVariable) // it is not for the command, whose secret it is not
	if f.key == "" {
		return nil
	}
	password := func() (string, error) {
		switch {
		case f.passwordFile != "":
			text, err := readSmall(f.passwordFile)
			line, _, _ := strings.Cut(string(text), "\n")
			return strings.TrimSuffix(line, "\r"), err
		case given:
			return fromVariable, nil
		}
		return askPassword(stdin, stderr, f.key)
	}
	key, err := signature.ReadKey(f.key, password)
	if errors.Is(err, fs.ErrNotExist) && missing(f.key) {
		var word string
		if f.passwordFile != "" || given {
			if word, err = password(); err != nil {
				return err
			}
		}
		if key, err = signature.MakeKey(f.key, word, mayGiveToInvoker); err == nil {
			fmt.Fprintf(stderr, "systape: a key to sign with was made: keep %s secret, and %s where those who check will find it\n", f.key, f.key+signature.PublicSuffix)
		}
	}
	if err != nil {
		return fmt.Errorf("--sign: %w", err)
	}
	o := format.FileOptions{Force: all.force, Created: mayGiveToInvoker}
	f.signer = &signature.Signer{Key: key, Options: o, Apart: all.flight.asked()}
	return nil
}

func missing(name string) bool {
	_, err := os.Lstat(name)
	return errors.Is(err, fs.ErrNotExist)
}

// askPassword asks on the terminal.
func askPassword(stdin io.Reader, stderr io.Writer, key string) (string, error) {
	in, ok := stdin.(*os.File)
	if !ok || !term.IsTerminal(int(in.Fd())) {
		return "", &exitError{code: exitFailed, err: errors.New("the key has a password, and there is no terminal to ask for it"), hint: "give it in a file with --sign-password, or in $" + passwordVariable}
	}
	fmt.Fprintf(stderr, "password of %s: ", key)
	word, err := term.ReadPassword(int(in.Fd()))
	fmt.Fprintln(stderr)
	return string(word), err
}

// sign signs a finished file. What hinders it is said at once, and again by the
// exit code when the recording has ended.
func (f *signFlags) sign(part *capture.Sealed, oldest int, stderr io.Writer) {
	if f.signer == nil {
		return
	}
	if err := f.signer.Sign(part.Path, oldest); err != nil {
		f.failed = errors.Join(f.failed, err)
		warner(stderr)(fmt.Errorf("%s is not signed: %w", part.Path, err))
	}
}

// signable reports why a file that gets the name cannot be signed.
func (f *signFlags) signable(name string, force bool) error {
	if f.signer == nil || force || missing(name+signature.Suffix) {
		return nil
	}
	return &fs.PathError{Op: "create", Path: name + signature.Suffix, Err: fs.ErrExist}
}
