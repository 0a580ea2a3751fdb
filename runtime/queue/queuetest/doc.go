// Package queuetest is the conformance suite of [queue.Sender] and [queue.Source]: what every queue of the platform does,
// through the interfaces that its programs use.
package queuetest
