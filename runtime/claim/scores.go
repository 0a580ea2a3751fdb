package claim

import (
	"cmp"
	"slices"
)

// scores is a sorted set as Valkey has it: members ordered by score, then by their bytes.
type scores map[string]int64

// ordered returns the members, the lowest first.
func (s scores) ordered() []string {
	members := make([]string, 0, len(s))
	for member := range s {
		members = append(members, member)
	}
	slices.SortFunc(members, s.compare)
	return members
}

func (s scores) compare(a, b string) int {
	return cmp.Or(cmp.Compare(s[a], s[b]), cmp.Compare(a, b))
}

// least returns the lowest member; ok is false in an empty set.
func (s scores) least() (member string, ok bool) {
	for candidate := range s {
		if !ok || s.compare(candidate, member) < 0 {
			member, ok = candidate, true
		}
	}
	return member, ok
}

// rank is the number of members below one that is present.
func (s scores) rank(member string) int {
	below := 0
	for other := range s {
		if s.compare(other, member) < 0 {
			below++
		}
	}
	return below
}

// raise sets a member's score unless it is higher already.
func (s scores) raise(member string, score int64) {
	if have, ok := s[member]; !ok || score > have {
		s[member] = score
	}
}
