//go:build linux

package streamer

/*
#include <malloc.h>
*/
import "C"

import "runtime/debug"

// freeLargeAtOnce has what is large go back to the system when it is freed. Otherwise malloc
// keeps it for the thread that had it, and the next encoder, of tens of MiB, has another.
func freeLargeAtOnce() { C.mallopt(C.M_MMAP_THRESHOLD, 256<<10) }

// trimMemory gives what was freed back to the system: most of the time nobody
// watches, and there are as many streamers as sessions.
func trimMemory() {
	debug.FreeOSMemory()
	C.malloc_trim(0)
}
