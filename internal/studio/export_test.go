package studio

// Reaches tells whether legal moves lead a session from one state to another.
func Reaches(from, to State) bool {
	seen := map[State]bool{}
	var walk func(State) bool
	walk = func(s State) bool {
		if s == to {
			return true
		}
		if seen[s] {
			return false
		}
		seen[s] = true
		for _, v := range sessionMachine.moves {
			if v.from == s && walk(v.to) {
				return true
			}
		}
		return false
	}
	return walk(from)
}

// Moved tells whether one legal move, or none, leads from one state to another.
func Moved(from, to State) bool {
	if from == to {
		return true
	}
	for _, v := range sessionMachine.moves {
		if v.from == from && v.to == to {
			return true
		}
	}
	return false
}
