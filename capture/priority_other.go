//go:build !linux

package capture

// LowerPriority does nothing on this OS.
func LowerPriority() {}
