package redact

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base32"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"strings"
	"unicode"
)

// Key is what pseudonyms are made with.
type Key struct{ secret []byte }

// MinKey is the least length of a key's text: whoever can guess the key can
// guess names and see whether they were right.
const MinKey = 22

// NewKey returns a key that nobody has yet, and its text.
func NewKey() (Key, string) {
	b := make([]byte, 32)
	rand.Read(b)
	return Key{b}, hex.EncodeToString(b)
}

// maxKey is the greatest length of a key's text: what is longer is another file.
const maxKey = 256

// ParseKey reads the text of a key: a line of a file, as NewKey writes it or as
// a user does. What is plainly something else is refused: others may have the
// file, and then they have the key.
func ParseKey(text string) (Key, error) {
	text = strings.TrimSpace(text)
	switch {
	case len(text) < MinKey:
		return Key{}, errors.New("a key of less than 22 characters can be guessed")
	case strings.HasPrefix(text, "untrusted comment:"):
		return Key{}, errors.New("this is a key of minisign's, for signing: it is not the key of pseudonyms")
	case strings.HasPrefix(text, "-----BEGIN"), strings.Contains(text, "AGE-SECRET-KEY-"), strings.HasPrefix(text, "ssh-"), strings.HasPrefix(text, "ecdsa-"):
		return Key{}, errors.New("this is a key for something else: it is not the key of pseudonyms")
	case len(text) > maxKey || strings.ContainsFunc(text, func(r rune) bool { return r == unicode.ReplacementChar || !unicode.IsPrint(r) }):
		return Key{}, errors.New("this is no key: a key is one line of text")
	}
	if b, err := hex.DecodeString(text); err == nil {
		return Key{b}, nil
	}
	return Key{[]byte(text)}, nil
}

// sum is the keyed hash of a text of one sort. Sorts keep apart what is the
// same by chance.
func (k Key) sum(sort string, text []byte) [sha256.Size]byte {
	h := hmac.New(sha256.New, k.secret)
	h.Write(append([]byte(sort), 0))
	h.Write(text)
	var out [sha256.Size]byte
	h.Sum(out[:0])
	return out
}

// Fingerprint tells keys apart and nothing about them.
func (k Key) Fingerprint() string {
	s := k.sum("fingerprint", nil)
	return hex.EncodeToString(s[:4])
}

var letters = base32.NewEncoding("abcdefghijkmnpqrstuvwxyz23456789").WithPadding(base32.NoPadding)

// name is the pseudonym of a name: 13 characters, so that it fits into the 15
// bytes of a thread's name. Two of a million names are alike with a
// probability of one in two million.
func (k Key) name(text string) string {
	s := k.sum("name", []byte(text))
	return "x" + letters.EncodeToString(s[:8])[:12]
}

// hex is the pseudonym of something that is written in n hex digits.
func (k Key) hex(sort, text string, n int) string {
	s := k.sum(sort, []byte(text))
	return hex.EncodeToString(s[:])[:n]
}

// shift is by how much times are moved: up to 2.28 years, the same for all
// captures of a key.
func (k Key) shift() int64 {
	s := k.sum("time", nil)
	return int64(binary.BigEndian.Uint64(s[:]) >> 8)
}

// permute maps the numbers of 2*half bits to each other, one to one: a Feistel
// network of four rounds (Luby and Rackoff, 1988).
func (k Key) permute(sort string, v uint64, half uint) uint64 {
	mask := uint64(1)<<half - 1
	l, r := v>>half&mask, v&mask
	for round := range byte(4) {
		in := append([]byte{round}, binary.BigEndian.AppendUint64(nil, r)...)
		s := k.sum(sort, in)
		l, r = r, l^binary.BigEndian.Uint64(s[:])&mask
	}
	return l<<half | r
}
