package abi

// Class returns the calls of a class.
func Class(name string) []string {
	calls, _ := class(name)
	return calls
}
