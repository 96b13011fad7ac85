package columnar

import "unsafe"

// Bytes returns the memory of s. Files are little-endian, and so is every
// machine that systape is built for.
func Bytes[T any](s []T) []byte {
	if len(s) == 0 {
		return nil
	}
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(s))), len(s)*int(unsafe.Sizeof(s[0])))
}

// Size returns how many bytes a value takes.
func Size[T any]() int {
	var v T
	return int(unsafe.Sizeof(v))
}

// IDs returns the memory of s as plain numbers.
func IDs[T ~uint32](s []T) []uint32 {
	return unsafe.Slice((*uint32)(unsafe.Pointer(unsafe.SliceData(s))), len(s))
}

// Resize returns s with length n, its contents undefined.
func Resize[T any](s []T, n int) []T {
	if cap(s) < n {
		return make([]T, n, n+n/4)
	}
	return s[:n]
}

// AppendBits appends one bit for each value, low bits first.
func AppendBits(dst []byte, v []bool) []byte {
	for i, b := range v {
		if i%8 == 0 {
			dst = append(dst, 0)
		}
		if b {
			dst[len(dst)-1] |= 1 << (i % 8)
		}
	}
	return dst
}
