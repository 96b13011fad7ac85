package signature

import (
	"fmt"
	"os"
	"runtime/debug"
	"strings"

	"aead.dev/minisign"

	"systape/format"
)

// A key file is a few lines; a file that is longer is something else.
const maxText = 16 << 10

// PublicSuffix ends the name of the public key beside a secret one that
// [MakeKey] makes.
const PublicSuffix = ".pub"

// ReadKey reads a secret key of minisign's. Password is asked for only if the
// key is encrypted. Decrypting one takes the memory that it was encrypted with:
// 1 GiB for a second, as minisign does it.
func ReadKey(name string, password func() (string, error)) (key minisign.PrivateKey, err error) {
	text, err := readText(name)
	if err != nil {
		return key, err
	}
	if !minisign.IsEncrypted(text) {
		if err := key.UnmarshalText(text); err != nil {
			return key, fmt.Errorf("%s: not a secret key of minisign's: %w", name, err)
		}
		return key, nil
	}
	word, err := password()
	if err != nil {
		return key, fmt.Errorf("%s: %w", name, err)
	}
	defer debug.FreeOSMemory()
	if key, err = minisign.DecryptKey(word, text); err != nil {
		return key, fmt.Errorf("%s: the password is not the key's", name)
	}
	return key, nil
}

// MakeKey makes a secret key in the file name, and its public key in NAME.pub.
// With the password "" the key is not encrypted, and the file's mode (0600) is
// what protects it. Files that are there are never replaced.
func MakeKey(name, password string, created func(*os.File) error) (key minisign.PrivateKey, err error) {
	public, key, err := minisign.GenerateKey(nil)
	if err != nil {
		return key, err
	}
	secret, err := key.MarshalText()
	if password != "" {
		secret, err = minisign.EncryptKey(password, key)
		debug.FreeOSMemory()
	}
	if err != nil {
		return key, err
	}
	text, err := public.MarshalText()
	if err != nil {
		return key, err
	}
	opt := format.FileOptions{Created: created}
	if err := write(name, append(secret, '\n'), opt); err != nil {
		return key, err
	}
	return key, write(name+PublicSuffix, append(text, '\n'), opt)
}

// ReadPublicKey reads a public key of minisign's: a file, or what stands in one.
func ReadPublicKey(key string) (minisign.PublicKey, error) {
	var public minisign.PublicKey
	if public.UnmarshalText([]byte(strings.TrimSpace(key))) == nil {
		return public, nil
	}
	text, err := readText(key)
	if err != nil {
		return public, err
	}
	if err := public.UnmarshalText(text); err != nil {
		var secret minisign.PrivateKey
		if minisign.IsEncrypted(text) || secret.UnmarshalText(text) == nil {
			return public, fmt.Errorf("%s is a secret key, its public key is %s", key, key+PublicSuffix)
		}
		return public, fmt.Errorf("%s: not a public key of minisign's: %w", key, err)
	}
	return public, nil
}

// KeyName is how a key's number is written, as minisign does.
func KeyName(id uint64) string { return fmt.Sprintf("%X", id) }

// readText reads a small file.
func readText(name string) ([]byte, error) {
	return format.ReadText(name, maxText, "longer than a key or a signature of minisign's")
}

// write makes a file that is there only when it is whole.
func write(name string, text []byte, opt format.FileOptions) error {
	u, err := format.CreateUnfinished(name, opt)
	if err != nil {
		return err
	}
	defer u.Abort()
	if _, err := u.Write(text); err != nil {
		return err
	}
	return u.Publish(nil)
}
