package zframe

const runLength = 256 // numbers between two steps of the second byte

// Counting appends the n numbers first, first+1, …, at most [MaxBytes] of
// them, as a frame. Runs of 256 numbers begin where the low byte is 0; a run is
// the one before but for the second byte of each number, which is the same in
// all of the run. So there is one byte for a run, and what announces it.
func (e *Encoder) Counting(dst []byte, first int64, n int) []byte {
	e.counted = grow(e.counted[:0], n)
	v := e.counted
	for i := range v {
		v[i] = first + int64(i)
	}
	lead := int(-first&(runLength-1)) + runLength
	if n <= lead+1 {
		return e.Rising(dst, v)
	}
	dst = appendHeader(dst, 8*n)
	dst = appendRaw(dst, bytesOf(v[:1]), false)
	dst = appendRising(dst, v[:lead], 1, false)
	// From here on blocks begin and end after the low byte of a number.
	dst = appendRaw(dst, bytesOf(v[lead : lead+1])[:1], false)
	far := false // the last match was a run back
	for i := lead; i < n; {
		end := min(i+runLength, n)
		second := byte(v[i] >> 8)
		if second == 0 {
			// Higher bytes rise, too: the run is told anew.
			whole := end == n && end == i+1
			dst = appendRaw(dst, bytesOf(v[i : i+1])[1:], whole)
			dst = appendRising(dst, v[:end], i+1, end == n)
			if end < n {
				dst = appendRaw(dst, bytesOf(v[end : end+1])[:1], false)
			}
			far, i = false, end
			continue
		}
		left := end - i // numbers whose match runs on into the next number
		if end == n {
			left--
		}
		if left > 0 && !far {
			dst = appendSecond(dst, second, 1, false)
			left, far = left-1, true
		}
		if left > 0 {
			dst = appendSecond(dst, second, left, true)
		}
		if end == n {
			dst = appendRaw(dst, bytesOf(v[n-1 : n])[1:], true)
		}
		i = end
	}
	return dst
}

// appendSecond appends a block of n numbers of a run: the second byte of each,
// and everything up to the low byte of the next from the run before.
func appendSecond(dst []byte, second byte, n int, far bool) []byte {
	const same = 1
	dst, at := openBlock(dst)
	dst = append(appendLiteralsHeader(dst, same, n), second)
	if far {
		dst = sameSequences(dst, n, 1, 7)
	} else {
		dst = oneSequence(dst, 1, 8*runLength, 7)
	}
	closeBlock(dst, at, false)
	return dst
}
