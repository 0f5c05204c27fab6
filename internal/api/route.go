package api

import (
	"net/url"
	"slices"
	"strings"
)

// maxParams is the most {members} that a path has.
const maxParams = 4

// params are the values of a path's {members}, in its order.
type params [maxParams]string

// router finds operations by path and method. It is a tree of path segments.
type router struct {
	segments map[string]*router
	any      *router // below a {member}
	methods  map[string]*operation
}

func newRouter(operations []operation) *router {
	root := &router{}
	for i := range operations {
		o := &operations[i]
		at := root
		for segment := range strings.SplitSeq(o.path[1:], "/") {
			at = at.grow(segment)
		}
		if at.methods == nil {
			at.methods = map[string]*operation{}
		}
		at.methods[o.method] = o
	}
	return root
}

func (n *router) grow(segment string) *router {
	if strings.HasPrefix(segment, "{") {
		if n.any == nil {
			n.any = &router{}
		}
		return n.any
	}
	if n.segments == nil {
		n.segments = map[string]*router{}
	}
	if n.segments[segment] == nil {
		n.segments[segment] = &router{}
	}
	return n.segments[segment]
}

// find returns the place of an escaped path in the tree and the values of its
// {members}; nil when no operation has such a path. Segments are split before
// they are unescaped, because ids hold ":" and ARNs hold "/". An empty segment
// fits a {member}: the codec says which one is missing.
func (n *router) find(escaped string) (place *router, values params) {
	count := 0
	rest, rooted := strings.CutPrefix(escaped, "/")
	for more := rooted; more; {
		var segment string
		segment, rest, more = strings.Cut(rest, "/")
		if strings.IndexByte(segment, '%') >= 0 {
			plain, err := url.PathUnescape(segment)
			if err != nil {
				return nil, values
			}
			segment = plain
		}
		next := n.segments[segment]
		if next == nil && n.any != nil && count < maxParams {
			next = n.any
			values[count] = segment
			count++
		}
		if next == nil {
			return nil, values
		}
		n = next
	}
	if n.methods == nil {
		return nil, values
	}
	return n, values
}

// allowed lists the methods of a place, in order.
func (n *router) allowed() []string {
	methods := make([]string, 0, len(n.methods))
	for m := range n.methods {
		methods = append(methods, m)
	}
	slices.Sort(methods)
	return methods
}
