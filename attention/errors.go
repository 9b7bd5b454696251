package attention

import (
	"errors"
	"fmt"
)

// The kinds of error. Every error this package returns for bad input is a
// *FieldError wrapping one of them: test the kind with errors.Is, read the field
// with errors.As. A call that returns a FieldError other than ErrRunner has written nothing.
var (
	ErrConfig      = errors.New("attention: invalid config")
	ErrUnsupported = errors.New("attention: unsupported combination")
	ErrShape       = errors.New("attention: shape mismatch")
	ErrPageTable   = errors.New("attention: page table out of range")
	ErrWorkspace   = errors.New("attention: workspace too small or misaligned")
	ErrLayout      = errors.New("attention: cache layout mismatch")
	ErrNonFinite   = errors.New("attention: non-finite input")
	ErrRunner      = errors.New("attention: runner broke its contract")
)

// FieldError names the argument that is wrong and says what would be right.
type FieldError struct {
	Err   error  // one of the kinds above
	Field string // such as "Config.KVHeads" or "IO.Out"
	Msg   string
}

// Error returns "kind: field: message".
func (e *FieldError) Error() string { return e.Err.Error() + ": " + e.Field + ": " + e.Msg }

// Unwrap returns the kind.
func (e *FieldError) Unwrap() error { return e.Err }

func fieldErr(kind error, field, format string, args ...any) error {
	return &FieldError{kind, field, fmt.Sprintf(format, args...)}
}
