package main

import (
	"archive/zip"
	"bytes"
	"compress/flate"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"strings"

	"systape/format"
)

// bundleFile is one file of a bundle: a text in memory, or a capture on the
// disk, which is stored as it is.
type bundleFile struct {
	name string
	path string
	text []byte
}

// bundleManifest is manifest.json: what is in the bundle, and what was done to
// the capture. The zip file itself has no times and no owners.
type bundleManifest struct {
	Tool     string           `json:"tool"`
	Redacted *bundleRedaction `json:"redacted"` // null: it was put in as it is
	LeftOut  *bundleTrim      `json:"left_out,omitempty"`
	Files    []bundleEntry    `json:"files"`
}

type bundleEntry struct {
	Name   string `json:"name"`
	Bytes  int64  `json:"bytes"`
	SHA256 string `json:"sha256"`
}

// bundleRedaction is how the capture was redacted; without a key it was not.
type bundleRedaction struct {
	Key     string   `json:"key"`
	Dropped []string `json:"dropped,omitempty"`
}

func (r *bundleRedaction) words() string {
	if r.Key == "" {
		return "not redacted: the capture names all that was recorded"
	}
	return "redacted with key " + r.Key
}

const bundleManifestName = "manifest.json"

// maxManifest bounds what is read of a manifest: 256 files, which is all that a
// bundle holds, take a tenth of it.
const maxManifest = 1 << 20

// writeBundle writes a zip file that depends on nothing but its files, and
// returns its size.
func writeBundle(w io.Writer, files []bundleFile, redacted *bundleRedaction, left *bundleTrim) (size int64, err error) {
	count := &countingWriter{w: w}
	z := zip.NewWriter(count)
	m := bundleManifest{Tool: "systape " + version, Redacted: redacted, LeftOut: left}
	if redacted.Key == "" {
		m.Redacted = nil
	}
	for _, f := range files {
		e, err := addToBundle(z, f)
		if err != nil {
			return 0, fmt.Errorf("bundle %s: %w", f.name, err)
		}
		m.Files = append(m.Files, e)
	}
	text, err := json.MarshalIndent(m, "", "  ")
	if err == nil {
		_, err = addToBundle(z, bundleFile{name: bundleManifestName, text: append(text, '\n')})
	}
	if err == nil {
		err = z.Close()
	}
	return count.n, err
}

// countingWriter counts what goes through it.
type countingWriter struct {
	w io.Writer
	n int64
}

func (c *countingWriter) Write(p []byte) (int, error) {
	n, err := c.w.Write(p)
	c.n += int64(n)
	return n, err
}

// addToBundle adds one file. Sizes and checksum are known before it is written,
// so that they stand before it, as simple readers expect them.
func addToBundle(z *zip.Writer, f bundleFile) (e bundleEntry, err error) {
	open := func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(f.text)), nil }
	if f.path != "" {
		open = func() (io.ReadCloser, error) { return os.Open(f.path) }
	}
	r, err := open()
	if err != nil {
		return e, err
	}
	sum, crc := sha256.New(), crc32.NewIEEE()
	n, err := io.Copy(io.MultiWriter(sum, crc), r)
	r.Close()
	if err != nil {
		return e, err
	}
	h := &zip.FileHeader{Name: f.name, Method: zip.Store, CRC32: crc.Sum32(), UncompressedSize64: uint64(n), CompressedSize64: uint64(n)}
	//lint:ignore SA1019 CreateRaw writes what stands here, and does not look at Modified.
	h.ModifiedDate = dosEpoch
	if f.path == "" {
		var packed bytes.Buffer
		d, err := flate.NewWriter(&packed, flate.BestCompression)
		if err != nil {
			return e, err
		}
		d.Write(f.text)
		d.Close()
		h.Method, h.CompressedSize64 = zip.Deflate, uint64(packed.Len())
		open = func() (io.ReadCloser, error) { return io.NopCloser(&packed), nil }
	}
	w, err := z.CreateRaw(h)
	if err != nil {
		return e, err
	}
	if r, err = open(); err != nil {
		return e, err
	}
	defer r.Close()
	_, err = io.Copy(w, r)
	return bundleEntry{f.name, n, hex.EncodeToString(sum.Sum(nil))}, err
}

// bundleFindings holds the files of the bundles among paths against their
// manifests; there are none for other files.
func bundleFindings(paths []string) (findings []format.Finding, err error) {
	for _, p := range paths {
		if p == "-" {
			continue
		}
		if st, err := os.Stat(p); err != nil || !st.Mode().IsRegular() {
			continue // what reads the capture says what is wrong
		}
		b, done, err := format.OpenBundle(p)
		if err != nil {
			return findings, err
		}
		if b == nil {
			continue
		}
		findings = append(findings, checkManifest(b))
		if err := done(); err != nil {
			return findings, err
		}
	}
	return findings, nil
}

// warnOfBundles tells, once for each command, of bundles that are not as they were
// made. What hinders looking is told by whatever reads the capture in it.
func warnOfBundles(paths []string, warn func(error)) {
	findings, _ := bundleFindings(paths)
	for _, f := range findings {
		if f.State == format.Fails {
			warn(errors.New("the bundle is damaged or was changed: " + f.Detail))
		}
	}
}

// dosEpoch is the first day that a zip file can tell, 1980-01-01: a bundle has the
// dates of its capture inside, and is the same whenever it is made.
const dosEpoch = 1<<5 | 1

// checkManifest says whether the files of a bundle are those of its manifest.
func checkManifest(b *format.Bundle) format.Finding {
	fail := func(msg string, args ...any) format.Finding {
		return format.Finding{Rule: "B1", State: format.Fails, Detail: fmt.Sprintf(msg, args...)}
	}
	r, err := b.Open(bundleManifestName)
	if err != nil {
		return fail("the manifest: %v", err)
	}
	var m bundleManifest
	text, err := io.ReadAll(io.LimitReader(r, maxManifest+1))
	if err == nil && len(text) > maxManifest {
		return fail("the manifest is larger than %d MiB", maxManifest>>20)
	}
	if err == nil {
		err = json.Unmarshal(text, &m)
	}
	if err != nil {
		return fail("the manifest cannot be read")
	}
	listed := map[string]bool{bundleManifestName: true}
	for _, e := range m.Files {
		listed[e.Name] = true
		r, err := b.Open(e.Name)
		if err != nil {
			return fail("%v", err)
		}
		sum := sha256.New()
		n, err := io.Copy(sum, r)
		if err != nil || n != e.Bytes || hex.EncodeToString(sum.Sum(nil)) != e.SHA256 {
			return fail("%.80q is not the file that the manifest lists", e.Name)
		}
	}
	var more []string
	for _, n := range b.Names() {
		if !listed[n] {
			more = append(more, n)
		}
	}
	if len(more) > 0 {
		return fail("files that the manifest does not list: %.200q", strings.Join(more, " "))
	}
	return format.Finding{Rule: "B1", State: format.Holds, Detail: fmt.Sprintf("the %d files of the bundle are those of its manifest", len(m.Files))}
}
