package out

// Kind says what is wrong, which decides the exit code.
type Kind uint8

// The kinds of errors.
const (
	Failed     Kind = iota // it could not be done
	Usage                  // it makes no sense
	Permission             // it may not be done
)

// Error is an error that the user can do something about.
type Error struct {
	Kind Kind
	Err  error
	Hint string // the next step
}

func (e *Error) Error() string { return e.Err.Error() }

func (e *Error) Unwrap() error { return e.Err }
