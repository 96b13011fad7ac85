package signature

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"aead.dev/minisign"

	"systape/format"
)

// recording makes a signed recording of n parts, which kept those from the
// number oldest on in the end.
func recording(t *testing.T, dir, id string, n, oldest int, signer *Signer) {
	t.Helper()
	for i := 1; i <= n; i++ {
		name := part(dir, i)
		f, err := os.Create(name)
		if err != nil {
			t.Fatal(err)
		}
		m := &format.Meta{Version: format.Version, CaptureID: strings.Repeat(id, 32), Tool: "test", Complete: true,
			Part: format.Part{Number: i, Last: i == n, Rotation: true}}
		w, err := format.NewParquetWriter(f, m)
		if err == nil {
			err = w.Close(m)
		}
		if err = errors.Join(err, f.Close()); err != nil {
			t.Fatal(err)
		}
		if signer != nil {
			if err := signer.Sign(name, min(oldest, i)); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func part(dir string, n int) string { return filepath.Join(dir, fmt.Sprintf("t-%05d.parquet", n)) }

func newKey(t *testing.T) (minisign.PublicKey, minisign.PrivateKey) {
	t.Helper()
	public, key, err := minisign.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	return public, key
}

func remove(t *testing.T, names ...string) {
	t.Helper()
	for _, n := range names {
		if err := os.Remove(n); err != nil {
			t.Fatal(err)
		}
	}
}

func change(t *testing.T, name, from, to string) {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil || !strings.Contains(string(text), from) {
		t.Fatalf("%s does not have %q: %v", name, from, err)
	}
	if err := os.WriteFile(name, []byte(strings.Replace(string(text), from, to, 1)), 0o600); err != nil {
		t.Fatal(err)
	}
}

func swap(t *testing.T, a, b string) {
	t.Helper()
	for _, move := range [][2]string{{a, a + "~"}, {b, a}, {a + "~", b}} {
		if err := os.Rename(move[0], move[1]); err != nil {
			t.Fatal(err)
		}
	}
}

// TestCheck does to a signed recording of four parts what somebody might.
func TestCheck(t *testing.T) {
	public, key := newKey(t)
	_, another := newKey(t)
	for _, test := range []struct {
		name   string
		oldest int
		do     func(t *testing.T, dir string)
		bytes  string // what S1 says, "" if it holds
		parts  string // what S2 says, "" if it holds; "-" if it was not checked
	}{
		{"nothing", 1, func(*testing.T, string) {}, "", ""},
		{"a byte is changed", 1, func(t *testing.T, dir string) { change(t, part(dir, 2), `"test"`, `"tesT"`) }, "changed after it was signed", "-"},
		{"a byte more at the end", 1, func(t *testing.T, dir string) { more(t, part(dir, 2)) }, filepath.Base(part("", 2)) + ": the file has no footer", "-"},
		{"the comment is changed", 1, func(t *testing.T, dir string) { change(t, part(dir, 2)+Suffix, "oldest=1", "oldest=2") }, "changed after it was signed", "-"},
		{"the untrusted comment is changed, which says nothing", 1, func(t *testing.T, dir string) { change(t, part(dir, 2)+Suffix, "of systape's", "of mine") }, "", ""},
		{"a signature is garbage", 1, func(t *testing.T, dir string) { change(t, part(dir, 2)+Suffix, "trusted comment", "comment") }, "cannot be read", "-"},
		{"a signature is removed", 1, func(t *testing.T, dir string) { remove(t, part(dir, 3)+Suffix) }, "is not there", "-"},
		{"two parts have each other's bytes", 1, func(t *testing.T, dir string) { swap(t, part(dir, 2), part(dir, 3)) }, "changed after it was signed", "-"},
		{"two parts have each other's names, which say nothing", 1, func(t *testing.T, dir string) {
			swap(t, part(dir, 2), part(dir, 3))
			swap(t, part(dir, 2)+Suffix, part(dir, 3)+Suffix)
		}, "", ""},
		{"a part is removed", 1, func(t *testing.T, dir string) { remove(t, part(dir, 2), part(dir, 2)+Suffix) }, "", "part 2 is not there"},
		{"two parts are removed", 1, func(t *testing.T, dir string) { remove(t, part(dir, 2), part(dir, 3)) }, "", "parts 2 to 3 are not there"},
		{"the first part is removed", 1, func(t *testing.T, dir string) { remove(t, part(dir, 1)) }, "", "part 1 is not there, which the recorder had kept"},
		{"the last part is removed", 1, func(t *testing.T, dir string) { remove(t, part(dir, 4)) }, "", "what followed part 3 is not there"},
		{"the recorder removed the first part itself", 2, func(t *testing.T, dir string) { remove(t, part(dir, 1)) }, "", ""},
		{"and somebody the second", 2, func(t *testing.T, dir string) { remove(t, part(dir, 1), part(dir, 2)) }, "", "part 2 is not there"},
		{"a part is signed anew with the same key", 1, func(t *testing.T, dir string) {
			s := &Signer{Key: key, Options: format.FileOptions{Force: true}}
			if err := s.Sign(part(dir, 2), 1); err != nil {
				t.Fatal(err)
			}
		}, "", "it did not follow"},
		{"a part is signed anew with minisign", 1, func(t *testing.T, dir string) { signByHand(t, key, part(dir, 2)) }, "", "signed with minisign and not by the recorder"},
		{"all parts are", 1, func(t *testing.T, dir string) {
			for i := range 4 {
				signByHand(t, key, part(dir, i+1))
			}
		}, "", "-"},
		{"a part is signed with minisign, and changed then", 1, func(t *testing.T, dir string) {
			signByHand(t, key, part(dir, 2))
			change(t, part(dir, 2), `"test"`, `"tesT"`)
		}, "changed after it was signed", "-"},
		{"a part is signed anew with another key", 1, func(t *testing.T, dir string) {
			s := &Signer{Key: another, Options: format.FileOptions{Force: true}}
			if err := s.Sign(part(dir, 2), 1); err != nil {
				t.Fatal(err)
			}
		}, "not with " + KeyName(public.ID()), "-"},
	} {
		t.Run(test.name, func(t *testing.T) {
			dir := t.TempDir()
			recording(t, dir, "a", 4, test.oldest, &Signer{Key: key})
			test.do(t, dir)
			var unopened []error
			parts, err := format.Parts([]string{dir}, format.ReadOptions{Warn: func(err error) { unopened = append(unopened, err) }})
			if err != nil {
				t.Fatal(err)
			}
			found, err := Check(context.Background(), parts, unopened, public)
			if err != nil {
				t.Fatal(err)
			}
			holds := func(f format.Finding, want string) {
				state := format.Fails
				switch want {
				case "":
					state = format.Holds
				case "-":
					state, want = format.NotChecked, ""
				}
				if f.State != state || !strings.Contains(f.Detail, want) {
					t.Errorf("%s: state %v, %s; want %v, %q", f.Rule, f.State, f.Detail, state, want)
				}
			}
			holds(found[0], test.bytes)
			holds(found[1], test.parts)
		})
	}
}

// signByHand signs a file as minisign -S does.
func signByHand(t *testing.T, key minisign.PrivateKey, name string) {
	t.Helper()
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	r := minisign.NewReader(f)
	if _, err := io.Copy(io.Discard, r); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name+Suffix, r.SignWithComments(key, "timestamp:1795817364\tfile:x\thashed", "signature"), 0o600); err != nil {
		t.Fatal(err)
	}
}

func more(t *testing.T, name string) {
	t.Helper()
	f, err := os.OpenFile(name, os.O_APPEND|os.O_WRONLY, 0)
	if err == nil {
		_, err = f.WriteString("x")
		err = errors.Join(err, f.Close())
	}
	if err != nil {
		t.Fatal(err)
	}
}

// TestCheckApart: a flight recorder's files are recordings of their own.
func TestCheckApart(t *testing.T) {
	public, key := newKey(t)
	s := &Signer{Key: key, Apart: true}
	first, second := t.TempDir(), t.TempDir()
	recording(t, first, "a", 1, 1, s)
	recording(t, second, "b", 1, 1, s)
	for _, dir := range []string{first, second} {
		parts, err := format.Parts([]string{dir}, format.ReadOptions{})
		if err != nil {
			t.Fatal(err)
		}
		found, err := Check(context.Background(), parts, nil, public)
		if err != nil || found[0].State != format.Holds || found[1].State != format.Holds {
			t.Errorf("%v, %v", found, err)
		}
	}
	if _, err := format.Parts([]string{part(first, 1), part(second, 1)}, format.ReadOptions{}); err == nil {
		t.Error("parts of two recordings are one")
	}
}

// TestUnsigned says of each file why it has no signature.
func TestUnsigned(t *testing.T) {
	for _, test := range []struct {
		part format.PartFile
		want string
	}{
		{format.PartFile{Path: "a", Meta: &format.Meta{}}, "a.minisig is not there"},
		{format.PartFile{Path: "a", Spool: true, Meta: &format.Meta{}}, "a spool is never signed"},
		{format.PartFile{Path: "a", Meta: &format.Meta{Recovered: "saved"}}, "recovered"},
		{format.PartFile{Path: "a", Meta: &format.Meta{Selection: &format.Selection{}}}, "a selection"},
		{format.PartFile{Path: "a", Meta: &format.Meta{Redacted: &format.Redacted{}}}, "redacting"},
	} {
		if why := unsigned(test.part); !strings.Contains(why, test.want) {
			t.Errorf("%q, want %q", why, test.want)
		}
	}
}

// What lies where a signature should be is never waited for.
func TestSignatureIsNoFile(t *testing.T) {
	part := filepath.Join(t.TempDir(), "part")
	if err := os.Mkdir(part+Suffix, 0o700); err != nil {
		t.Fatal(err)
	}
	if _, err := Read(part); err == nil || !strings.Contains(err.Error(), "not a regular file") {
		t.Errorf("got %v", err)
	}
}

// TestKeys makes a key, with a password and without, and reads it back.
func TestKeys(t *testing.T) {
	ask := func(word string) func() (string, error) { return func() (string, error) { return word, nil } }
	for _, word := range []string{"", "two words"} {
		if word != "" && testing.Short() {
			continue // 1 GiB of memory
		}
		name := filepath.Join(t.TempDir(), "key")
		made, err := MakeKey(name, word, nil)
		if err != nil {
			t.Fatal(err)
		}
		key, err := ReadKey(name, ask(word))
		if err != nil || !key.Equal(made) {
			t.Fatalf("password %q: another key was read: %v", word, err)
		}
		public, err := ReadPublicKey(name + PublicSuffix)
		if err != nil || !public.Equal(made.Public()) {
			t.Errorf("password %q: the public key is not the key's: %v", word, err)
		}
		if _, err := ReadPublicKey(name); err == nil || !strings.Contains(err.Error(), "its public key is "+name+PublicSuffix) {
			t.Errorf("a secret key as a public one: %v", err)
		}
		if again, err := ReadPublicKey(" " + public.String() + "\n"); err != nil || !again.Equal(public) {
			t.Errorf("the key itself: %v", err)
		}
		if _, err := MakeKey(name, word, nil); !errors.Is(err, os.ErrExist) {
			t.Errorf("a key was replaced: %v", err)
		}
		if st, err := os.Stat(name); err != nil || st.Mode().Perm()&0o077 != 0 {
			t.Errorf("%v, %v: others can read the key", st.Mode(), err)
		}
	}
	long := filepath.Join(t.TempDir(), "long")
	os.WriteFile(long, make([]byte, maxText+1), 0o600)
	for _, name := range []string{long, "/dev/null", t.TempDir()} {
		if _, err := ReadKey(name, ask("")); err == nil {
			t.Errorf("%s was read as a key", name)
		}
		if _, err := ReadPublicKey(name); err == nil {
			t.Errorf("%s was read as a public key", name)
		}
	}
}

// TestOfMinisign reads what minisign 0.11 itself has made: testdata/README
// tells how.
func TestOfMinisign(t *testing.T) {
	key, err := ReadKey("testdata/minisign.key", nil)
	if err != nil {
		t.Fatal(err)
	}
	public, err := ReadPublicKey("testdata/minisign.pub")
	if err != nil || !public.Equal(key.Public()) {
		t.Fatalf("the keys are not of one pair: %v", err)
	}
	dir := t.TempDir()
	recording(t, dir, "a", 1, 1, &Signer{Key: key})
	text, err := os.ReadFile(part(dir, 1))
	if err != nil {
		t.Fatal(err)
	}
	sig, err := os.ReadFile(part(dir, 1) + Suffix)
	if err != nil || !minisign.Verify(public, text, sig) {
		t.Errorf("the signature is not over the bytes of the file: %v", err)
	}
}

// TestOverTheBytes: minisign's old signatures are told from damage.
func TestOverTheBytes(t *testing.T) {
	_, key := newKey(t)
	if _, err := parse(minisign.SignWithComments(key, []byte("x"), "timestamp:1\tfile:x", "signature")); err == nil || !strings.Contains(err.Error(), "minisign -S -l") {
		t.Errorf("got %v", err)
	}
}

// FuzzSignature: nothing that lies beside a capture makes it panic, and what is
// accepted says the same when it is written again.
func FuzzSignature(f *testing.F) {
	_, key, err := minisign.GenerateKey(nil)
	if err != nil {
		f.Fatal(err)
	}
	good := Statement{Capture: strings.Repeat("a", 32), Part: 3, Oldest: 2, Last: true, Previous: "RUQ"}
	f.Add(minisign.SignWithComments(key, []byte("x"), good.String(), "signature"))
	f.Add([]byte("untrusted comment: \nRUQ=\ntrusted comment: systape 1 part=1\n\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		s, err := parse(text)
		if err != nil || s.Other {
			return
		}
		again, err := ParseStatement(s.About.String())
		if err != nil || again != s.About {
			t.Errorf("%+v was written as %q and read as %+v, %v", s.About, s.About, again, err)
		}
	})
}

// FuzzStatement does the same with the comment alone, which has no checksum.
func FuzzStatement(f *testing.F) {
	f.Add("systape 1 capture=aa part=3 last=yes oldest=2 previous=none")
	f.Add("systape 1 capture=aa part=3 last=no oldest=3 previous=RUQ later=x")
	f.Add("timestamp:1 file:x")
	f.Fuzz(func(t *testing.T, comment string) {
		s, err := ParseStatement(comment)
		if err != nil {
			return
		}
		if again, err := ParseStatement(s.String()); err != nil || again != s {
			t.Errorf("%+v was written as %q and read as %+v, %v", s, s, again, err)
		}
	})
}

// FuzzKey: no text is taken for a key that makes it panic.
func FuzzKey(f *testing.F) {
	for _, name := range []string{"testdata/minisign.key", "testdata/minisign.pub"} {
		text, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		var key minisign.PrivateKey
		if !minisign.IsEncrypted(text) {
			_ = key.UnmarshalText(text)
		}
		var public minisign.PublicKey
		if public.UnmarshalText(text) == nil {
			if _, err := ReadPublicKey(public.String()); err != nil {
				t.Error(err)
			}
		}
	})
}
