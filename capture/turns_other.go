//go:build !linux

package capture

import "time"

func urgent(int) (release func()) { return func() {} }

// Background is work that is to take CPUs only as long as nobody else wants
// them.
type Background struct{}

// Begin does nothing where nothing is recorded.
func (b *Background) Begin() {}

// End undoes Begin.
func (b *Background) End() {}

// Pause returns for how long to leave the CPUs to others.
func (b *Background) Pause() time.Duration { return 0 }
