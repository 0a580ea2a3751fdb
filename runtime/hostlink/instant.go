package hostlink

import (
	"syscall"
	"time"
	"unsafe"
)

// Instant is a moment on CLOCK_BOOTTIME, in nanoseconds since the host started. All processes of one host read the same
// clock, in containers too; it never jumps and counts while the machine is suspended. Between hosts it means nothing.
type Instant int64

// clockBoottime is CLOCK_BOOTTIME of clock_gettime(2), which package syscall does not name and package time does not read.
const clockBoottime = 7

// Now reads the clock.
func Now() Instant {
	var ts syscall.Timespec
	if _, _, errno := syscall.Syscall(syscall.SYS_CLOCK_GETTIME, clockBoottime, uintptr(unsafe.Pointer(&ts)), 0); errno != 0 {
		panic("hostlink: CLOCK_BOOTTIME: " + errno.Error()) // in every Linux since 2.6.39
	}
	return Instant(ts.Nano())
}

// Add is the moment d later.
func (i Instant) Add(d time.Duration) Instant { return i + Instant(d) }

// Sub is how long after an earlier moment this one is.
func (i Instant) Sub(earlier Instant) time.Duration { return time.Duration(i - earlier) }
