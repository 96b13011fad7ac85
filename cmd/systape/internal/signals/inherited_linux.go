//go:build amd64 || arm64

package signals

import (
	"encoding/binary"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// Inherited returns the signals that this process was started with ignored,
// as nohup(1) and shells arrange it. Ask before any signal is watched. When
// not all can be found out, those are returned that are known.
//
// The Go runtime puts its handlers over most of them before the first line of
// Go runs, and keeps what was there in runtime.fwdSig, for programs that have
// C in them; nobody else gets to see it. Two entries of that array can be set
// from outside: os/signal stores there what it replaces, and SIGTTIN and
// SIGTTOU, neighbours, are not handled until then. So the array is found by
// what was just written into it.
func Inherited() []syscall.Signal {
	var before [numSignals]action
	for s := syscall.Signal(1); s < numSignals; s++ {
		before[s], _ = disposition(s)
	}
	first, second := syscall.SIGTTIN, syscall.SIGTTOU
	marked := make(chan os.Signal, 1)
	for _, s := range []syscall.Signal{first, second} {
		a := before[s]
		a.handler = handlerPC() // which does nothing where there is no chain
		a.install(s)
		signal.Notify(marked, s)
	}
	saved := findSaved(first, handlerPC())
	signal.Stop(marked)
	var list []syscall.Signal
	for s := syscall.Signal(1); s < numSignals; s++ {
		if s == first || s == second {
			before[s].install(s)
		}
		if before[s].handler == ignore || saved != nil && saved[s] == ignore && s != first && s != second {
			list = append(list, s)
		}
	}
	return list
}

// findSaved looks in the program's variables for the array that holds, by
// signal, what was there before: mark at two neighbours from s on, and else
// nothing but 0 (the default) and 1 (ignored).
func findSaved(s syscall.Signal, mark uintptr) *[numSignals]uintptr {
	maps, err := os.ReadFile("/proc/self/maps")
	if err != nil {
		return nil
	}
	end := uint64(0) // of the program's variables so far: its data, and what lies directly behind
	for line := range strings.Lines(string(maps)) {
		span, rest, _ := strings.Cut(line, " ")
		from, to, _ := strings.Cut(span, "-")
		low, err1 := strconv.ParseUint(from, 16, 64)
		high, err2 := strconv.ParseUint(to, 16, 64)
		if err1 != nil || err2 != nil {
			return nil
		}
		named := strings.Contains(line, "/")
		if strings.HasPrefix(rest, "rw-p") && (named || low == end) {
			if found := findIn(low, high, s, mark); found != nil {
				return found
			}
			end = high
		} else if named {
			end = high
		}
	}
	return nil
}

// pieceBytes is how much memory is looked at at once: the variables of this program
// are 40 MB, most of them never touched, and the array is among the first.
const pieceBytes = 256 << 10

func findIn(low, high uint64, s syscall.Signal, mark uintptr) *[numSignals]uintptr {
	for ; low < high; low += pieceBytes {
		// What begins in a piece may end in the next.
		if found := findInPiece(low, min(low+pieceBytes+8*numSignals, high), s, mark); found != nil {
			return found
		}
	}
	return nil
}

func findInPiece(low, high uint64, s syscall.Signal, mark uintptr) *[numSignals]uintptr {
	memory := readMemory(low, high)
	word := func(i int) uintptr { return uintptr(binary.NativeEndian.Uint64(memory[8*i:])) }
	words := len(memory) / 8
next:
	for i := int(s); i+numSignals-int(s) <= words; i++ {
		if word(i) != mark || word(i+1) != mark {
			continue
		}
		var saved [numSignals]uintptr
		for j := range saved {
			saved[j] = word(i - int(s) + j)
			if saved[j] > ignore && j != int(s) && j != int(s)+1 {
				continue next
			}
		}
		return &saved
	}
	return nil
}

// readMemory copies memory of this process through a pipe: some containers
// forbid process_vm_readv(2), and /proc/self/mem is root's when the program has
// capabilities of its own.
func readMemory(low, high uint64) []byte {
	var pipe [2]int
	if unix.Pipe2(pipe[:], unix.O_CLOEXEC|unix.O_NONBLOCK) != nil {
		return nil
	}
	defer unix.Close(pipe[0])
	defer unix.Close(pipe[1])
	memory := make([]byte, 0, high-low)
	for low < high {
		n, _, errno := unix.RawSyscall(unix.SYS_WRITE, uintptr(pipe[1]), uintptr(low), uintptr(min(high-low, 16<<10)))
		if errno != 0 {
			return nil
		}
		for end := len(memory) + int(n); len(memory) < end; {
			got, err := unix.Read(pipe[0], memory[len(memory):end])
			if err != nil {
				return nil
			}
			memory = memory[:len(memory)+got]
		}
		low += uint64(n)
	}
	return memory
}
