package decode

import "systape/format/abi"

// Registers counts the registers that the entry of a call reads.
func Registers(a abi.ABI, nr int32) (n int) {
	for _, p := range lookup(a, nr).params {
		n += p.kind.registers()
	}
	return n
}

// Values returns the values that the sets have for a name.
func Values(a abi.ABI, name string) (v []uint64) {
	for _, s := range sets {
		for _, list := range [][]constant{s.field[a], s.flags[a]} {
			for _, c := range list {
				if c.name == name {
					v = append(v, c.value)
				}
			}
		}
	}
	return v
}
