package format_test

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"systape/format"
)

// zipOf writes a zip file with these files, each as w makes it.
func zipOf(t testing.TB, add func(z *zip.Writer)) string {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	add(z)
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return zipFile(t, b.Bytes())
}

func zipFile(t testing.TB, b []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "bug.zip")
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func zipAdd(t testing.TB, z *zip.Writer, name string, method uint16, text []byte) {
	t.Helper()
	w, err := z.CreateHeader(&zip.FileHeader{Name: name, Method: method})
	if err == nil {
		_, err = w.Write(text)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func frozenCapture(t testing.TB) []byte {
	t.Helper()
	b, err := os.ReadFile("../testdata/v2/story.parquet")
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// readAll returns how many rows the capture has.
func readAll(path string) (rows int, err error) {
	r, err := format.Open([]string{path}, format.ReadOptions{})
	if err != nil {
		return 0, err
	}
	defer r.Close()
	var b format.Batch
	for {
		if err := r.Next(&b); err == io.EOF {
			return rows, nil
		} else if err != nil {
			return rows, err
		}
		rows += b.N
	}
}

func TestBundleIsACapture(t *testing.T) {
	capture := frozenCapture(t)
	want, err := readAll("../testdata/v2/story.parquet")
	if err != nil {
		t.Fatal(err)
	}
	path := zipOf(t, func(z *zip.Writer) {
		zipAdd(t, z, "info.txt", zip.Deflate, []byte("text"))
		zipAdd(t, z, format.BundleCapture, zip.Store, capture)
	})
	if rows, err := readAll(path); rows != want || err != nil {
		t.Errorf("got %d rows, %v, want %d", rows, err, want)
	}
}

// TestHostileBundles: what is no bundle of ours is refused, with a reason.
func TestHostileBundles(t *testing.T) {
	capture := frozenCapture(t)
	good := func(z *zip.Writer) { zipAdd(t, z, format.BundleCapture, zip.Store, capture) }
	for _, c := range []struct {
		name string
		add  func(z *zip.Writer)
		says string
	}{
		{"no capture in it", func(z *zip.Writer) { zipAdd(t, z, "a.txt", zip.Store, []byte("x")) }, "without capture.parquet"},
		{"compressed", func(z *zip.Writer) { zipAdd(t, z, format.BundleCapture, zip.Deflate, capture) }, "compressed"},
		{"a bomb", func(z *zip.Writer) { zipAdd(t, z, format.BundleCapture, zip.Deflate, make([]byte, 64<<20)) }, "compressed"},
		{"a name that climbs", func(z *zip.Writer) { good(z); zipAdd(t, z, "../../etc/cron.d/x", zip.Store, nil) }, "no plain name"},
		{"an absolute name", func(z *zip.Writer) { good(z); zipAdd(t, z, "/etc/passwd", zip.Store, nil) }, "no plain name"},
		{"a drive", func(z *zip.Writer) { good(z); zipAdd(t, z, `C:x`, zip.Store, nil) }, "no plain name"},
		{"a folder", func(z *zip.Writer) { good(z); zipAdd(t, z, "x/", zip.Store, nil) }, "no plain name"},
		{"a link", func(z *zip.Writer) {
			good(z)
			h := &zip.FileHeader{Name: "report.html"}
			h.SetMode(fs.ModeSymlink | 0o777)
			w, err := z.CreateHeader(h)
			if err == nil {
				_, err = w.Write([]byte("/etc/passwd"))
			}
			if err != nil {
				t.Fatal(err)
			}
		}, "a link or a device"},
		{"twice", func(z *zip.Writer) { good(z); good(z) }, "two files"},
		{"too many", func(z *zip.Writer) {
			good(z)
			for i := range 300 {
				zipAdd(t, z, fmt.Sprint(i), zip.Store, nil)
			}
		}, "more than 256"},
		{"another format", func(z *zip.Writer) { zipAdd(t, z, format.BundleCapture, zip.Store, []byte("PK\x03\x04 and so on")) }, "no capture"},
		{"empty", func(z *zip.Writer) { zipAdd(t, z, format.BundleCapture, zip.Store, nil) }, "no capture"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if _, err := readAll(zipOf(t, c.add)); !errors.Is(err, format.ErrNotCapture) || !strings.Contains(err.Error(), c.says) {
				t.Errorf("got %v, want an error with %q", err, c.says)
			}
		})
	}
}

// TestBundleOfManyFilesAsLarge: the end of a zip file of 4 GiB or more has its counts
// elsewhere, and they count there.
func TestBundleOfManyFilesAsLarge(t *testing.T) {
	capture := frozenCapture(t)
	for _, c := range []struct {
		files int
		says  string
	}{{1, ""}, {255, ""}, {256, "more than 256"}, {5000, "more than 256"}} {
		whole, err := os.ReadFile(zipOf(t, func(z *zip.Writer) {
			zipAdd(t, z, format.BundleCapture, zip.Store, capture)
			for i := range c.files {
				zipAdd(t, z, fmt.Sprint(i), zip.Store, nil)
			}
		}))
		if err != nil {
			t.Fatal(err)
		}
		body, end := whole[:len(whole)-22], whole[len(whole)-22:]
		list, offset := uint64(binary.LittleEndian.Uint32(end[12:])), uint64(binary.LittleEndian.Uint32(end[16:]))
		le := binary.LittleEndian
		record := append([]byte("PK\x06\x06"), make([]byte, 52)...)
		le.PutUint64(record[4:], 44)
		for at, v := range map[int]uint64{24: uint64(c.files + 1), 32: uint64(c.files + 1), 40: list, 48: offset} {
			le.PutUint64(record[at:], v)
		}
		place := append([]byte("PK\x06\x07"), make([]byte, 16)...)
		le.PutUint64(place[8:], uint64(len(body)))
		le.PutUint32(place[16:], 1)
		le.PutUint16(end[10:], 1)
		le.PutUint32(end[12:], 50)
		le.PutUint32(end[16:], 1<<32-1)
		path := filepath.Join(t.TempDir(), "large.zip")
		if err := os.WriteFile(path, slices.Concat(body, record, place, end), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err = readAll(path)
		if c.says == "" && err != nil || c.says != "" && (!errors.Is(err, format.ErrNotCapture) || !strings.Contains(err.Error(), c.says)) {
			t.Errorf("%d files: got %v, want %q", c.files+1, err, c.says)
		}
	}
}

// TestDamagedBundles damages every byte that belongs to the zip file, and cuts
// it off everywhere: an error, or the same rows.
func TestDamagedBundles(t *testing.T) {
	capture := frozenCapture(t)
	want, err := readAll("../testdata/v2/story.parquet")
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	zipAdd(t, z, format.BundleCapture, zip.Store, capture)
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	whole := b.Bytes()
	begins := bytes.Index(whole, capture)
	try := func(what string, b []byte) {
		t.Helper()
		if rows, err := readAll(zipFile(t, b)); err == nil && rows != want {
			t.Errorf("%s: %d rows without an error", what, rows)
		}
	}
	for i := range whole {
		if i >= begins && i < begins+len(capture) {
			continue
		}
		for _, x := range []byte{0x01, 0x80, 0xff} {
			damaged := bytes.Clone(whole)
			damaged[i] ^= x
			try(fmt.Sprintf("byte %d ^ %#x", i, x), damaged)
		}
		try(fmt.Sprintf("cut off at %d", i), whole[:i])
	}
}

// FuzzBundle opens zip files of any kind and reads all that is in them: what is
// in one twice or under a path is never opened, and no file is longer than it may be.
func FuzzBundle(f *testing.F) {
	for _, method := range []uint16{zip.Store, zip.Deflate} {
		name := zipOf(f, func(z *zip.Writer) {
			for _, n := range []string{format.BundleCapture, "info.txt"} {
				w, err := z.CreateHeader(&zip.FileHeader{Name: n, Method: method})
				if err != nil {
					f.Fatal(err)
				}
				w.Write([]byte("PAR1 and more"))
			}
		})
		b, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		name := zipFile(t, data)
		if r, err := format.Open([]string{name}, format.ReadOptions{Warn: func(error) {}}); err == nil {
			r.Close()
		}
		b, done, err := format.OpenBundle(name)
		if err != nil || b == nil {
			return
		}
		defer done()
		seen := map[string]bool{}
		for _, n := range b.Names() {
			if seen[n] || filepath.Base(n) != n {
				t.Errorf("%q was accepted", n)
			}
			seen[n] = true
			r, err := b.Open(n)
			if err != nil {
				continue
			}
			if got, _ := io.Copy(io.Discard, r); got > 65<<20 {
				t.Errorf("%q has %d bytes", n, got)
			}
		}
	})
}
