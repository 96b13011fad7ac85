package export

import (
	"strconv"

	"systape/replay/convert/jsonl"
)

func appendInt(dst []byte, v int64) []byte { return strconv.AppendInt(dst, v, 10) }

func appendJSON(dst []byte, s string) []byte { return jsonl.AppendString(dst, s) }

// appendMicros writes ns as microseconds with three digits after the point.
func appendMicros(dst []byte, ns int64) []byte {
	if ns < 0 {
		dst, ns = append(dst, '-'), -ns
	}
	dst = strconv.AppendInt(dst, ns/1000, 10)
	return append(dst, '.', byte('0'+ns/100%10), byte('0'+ns/10%10), byte('0'+ns%10))
}

// appendMillis writes ns as milliseconds with six digits after the point.
func appendMillis(dst []byte, ns int64) []byte {
	if ns < 0 {
		dst, ns = append(dst, '-'), -ns
	}
	dst = strconv.AppendInt(dst, ns/1e6, 10)
	dst = append(dst, ".000000"...)
	for i, v := len(dst)-1, ns%1e6; v > 0; i, v = i-1, v/10 {
		dst[i] = byte('0' + v%10)
	}
	return dst
}
