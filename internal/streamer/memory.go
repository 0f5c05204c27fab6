//go:build linux

package streamer

/*
#include <malloc.h>
*/
import "C"

import "runtime/debug"

// trimMemory gives what was freed back to the system: most of the time nobody
// watches, and there are as many streamers as sessions.
func trimMemory() {
	debug.FreeOSMemory()
	C.malloc_trim(0)
}
