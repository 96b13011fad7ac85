package importer

import "bytes"

// Packed says what a file is that is no text to import but holds one, and the
// command that makes the text of it when the file's name is put behind; both
// are "" for a text, and for what is compressed by gzip, which is inflated
// here. head is the file's beginning.
func Packed(head []byte) (what, command string) {
	for _, p := range packed {
		if bytes.HasPrefix(head, []byte(p.magic)) {
			return p.what, p.command
		}
	}
	return "", ""
}

var packed = []struct{ magic, what, command string }{
	{"\xfd7zXZ\x00", "compressed by xz", "xz -dc"},
	{"\x28\xb5\x2f\xfd", "compressed by zstd", "zstd -dc"},
	{"BZh", "compressed by bzip2", "bzip2 -dc"},
	{"\x04\x22\x4d\x18", "compressed by lz4", "lz4 -dc"},
	{"PK\x03\x04", "a zip archive", "unzip -p"},
	{"\xff\xfe", "text in UTF-16", "iconv -f UTF-16 -t UTF-8"},
	{"\xfe\xff", "text in UTF-16", "iconv -f UTF-16 -t UTF-8"},
	{"PERFILE2", "a recording of perf", "perf script -i"},
}
