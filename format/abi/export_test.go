package abi

// Classes returns the names of all classes and the calls of each.
func Classes() map[string][]string {
	m := map[string][]string{}
	for _, n := range classNames() {
		m[n], _ = class(n)
	}
	return m
}
