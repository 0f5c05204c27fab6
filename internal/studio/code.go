package studio

// The codes of errors: stable, machine-readable, and finer than the kind.
const (
	// CodeMissing: a required member is not there.
	CodeMissing = "MISSING_MEMBER"
	// CodeLength: a string or list is too short or too long.
	CodeLength = "LENGTH_OUT_OF_BOUNDS"
	// CodeRange: an integer is too small or too large.
	CodeRange = "VALUE_OUT_OF_RANGE"
	// CodePattern: a string does not have the form it must have.
	CodePattern = "PATTERN_MISMATCH"
	// CodeEnum: a string is none of those it may be.
	CodeEnum = "UNKNOWN_VALUE"
)
