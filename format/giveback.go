package format

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"systape/format/internal/ipc"
)

// giver gives the begin of a spool back, as far as its rows are safe in the
// sealer's file.
type giver struct {
	file   *os.File  // the spool, to be written to; nil: not opened yet
	at     int64     // where the gap stands; 0: the spool has none
	given  int64     // byte up to which the spool has been given back
	places []restart // at which a reader can begin, behind that
	unable bool      // the file system cannot
}

// saw is told where a reader can begin.
func (g *giver) saw(p restart) {
	if n := len(g.places); p.at > g.given && (n == 0 || g.places[n-1] != p) {
		g.places = append(g.places, p)
	}
}

// upTo returns the last place before which there are no more rows than that.
func (g *giver) upTo(rows int64) (p restart, n int) {
	for n < len(g.places) && g.places[n].rows <= rows {
		p = g.places[n]
		n++
	}
	return p, n
}

// Spare returns how many bytes of the spool [Sealer.GiveBack] could give back.
func (s *Sealer) Spare() int64 {
	if s.err != nil || s.giver.at == 0 || s.giver.unable {
		return 0
	}
	p, _ := s.giver.upTo(s.written())
	return max(p.at-max(s.giver.given, s.giver.at), 0)
}

// written returns how many rows are in row groups that have been written.
func (s *Sealer) written() int64 { return s.w.order.rows - int64(s.w.file.Waiting()) }

// Sealed returns up to which byte the spool has been read, and how many bytes of
// the capture have been written.
func (s *Sealer) Sealed() (spool, capture int64) {
	return s.src.frames.N, s.w.Bytes()
}

// GiveBack returns the disk space of what has been sealed of the spool, as far
// as the file system can punch holes into a file; where it cannot, nothing
// happens. Each step is durable before the next one begins, so that at every
// instant all rows are in the spool or in whole row groups of NAME.partial,
// and the spool says which: the row groups; the gap; the hole.
func (s *Sealer) GiveBack() error {
	p, n := s.giver.upTo(s.written())
	if s.err != nil || n == 0 || s.giver.at == 0 || s.giver.unable || SpoolName(s.out.Name()) != s.spoolPath || !strings.HasSuffix(s.spoolPath, SpoolSuffix) {
		return s.err
	}
	if s.giver.file == nil {
		f, err := os.OpenFile(s.spoolPath, os.O_RDWR, 0)
		if err != nil {
			s.giver.unable = true
			return err
		}
		s.giver.file = f
	}
	if s.giver.given == 0 && !canPunch(s.giver.file) {
		s.giver.unable = true
		return nil
	}
	gap, err := ipc.Gap(s.src.batches.Fields, p.at-s.giver.at)
	if err == nil {
		err = s.buf.Flush()
	}
	if err == nil {
		err = s.out.file.Sync()
	}
	if err != nil {
		return s.fail(fmt.Errorf("write %s: %w", s.out.file.Name(), err))
	}
	if s.giver.given == 0 { // the name of NAME.partial
		err = syncFolderOf(s.out.file.Name())
	}
	if err == nil {
		_, err = s.giver.file.WriteAt(gap, s.giver.at)
	}
	if err == nil {
		// From here on NAME.partial is needed.
		s.giver.given, s.giver.places = p.at, append(s.giver.places[:0], s.giver.places[n:]...)
		err = s.giver.file.Sync()
	}
	if err == nil {
		err = punch(s.giver.file, s.giver.at+ipc.GapAlign, p.at)
	}
	if err != nil {
		return fmt.Errorf("give %s back: %w", s.spoolPath, err)
	}
	return nil
}

func (g *giver) close() {
	if g.file != nil {
		g.file.Close()
		g.file = nil
	}
}

// errNeeded means that a file holds rows which nothing else does.
var errNeeded = errors.New("it holds the first events of a recording that was cut off: recover that one first, or remove its spool")

// needed reports whether the partial file of name holds rows of a spool.
func needed(name string) bool {
	if _, err := os.Lstat(PartialName(name)); err != nil {
		return false
	}
	return gapOf(SpoolName(name)) > 0
}
