package studio

// CheckString tells whether v, given for the named member, keeps the rules of s.
// It is for those who know that v was given though it is empty, which Check
// cannot see. The answer is a Validation error, or nil.
func (s Shape) CheckString(member, v string) error {
	if broken := checkString(member, s, v); broken != nil {
		return broken
	}
	return nil
}

// Invalid is the Validation error about one member; rule completes the sentence
// "The member m …" and shows no sensitive value.
func Invalid(code, member, rule string) *Error { return invalid(code, member, rule) }
