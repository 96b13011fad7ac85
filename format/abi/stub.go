package abi

func Name(a ABI, nr int32) (string, bool)           { return "", false }
func Number(a ABI, name string) (nr int32, ok bool) { return 0, false }
func NumArgs(a ABI, nr int32) int                   { return 6 }
func ErrnoName(a ABI, errno int) string             { return "" }
func ErrnoNumber(a ABI, name string) (int, bool)    { return 0, false }
func SignalName(a ABI, sig int) string              { return "" }
