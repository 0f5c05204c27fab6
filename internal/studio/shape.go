package studio

// Shape is the rule of a named scalar or list of the service model, by which
// the members tagged with its name are checked, documented and kept out of logs.
type Shape struct {
	Kind Kind
	// Min and Max bound the length in Unicode characters of a string, the value
	// of an integer, the number of items of a list; nil: no bound.
	Min, Max *int
	// Pattern is a regular expression that a string must match; empty: any.
	Pattern string
	// Enum lists the values a string may have; empty: any.
	Enum []string
	// Member names the shape of a list's items.
	Member string
	// Sensitive values must not reach a log.
	Sensitive bool
}

// Kind is what sort of value a Shape describes.
type Kind string

// Kinds of shapes; the zero value is a string.
const (
	KindString  Kind = ""
	KindInteger Kind = "integer"
	KindList    Kind = "list"
)

// ShapeOf returns the rule of a named shape of the service model.
func ShapeOf(name string) (Shape, bool) {
	s, ok := shapes[name]
	return s, ok
}
