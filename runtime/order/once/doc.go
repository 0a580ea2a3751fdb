// Package once knows how a call to a broker leaves this process over HTTP: on one connection, once, and never late.
//
// Go's transport sends a request again by itself when a connection that it kept has died, and a request that waits for
// a connection is written whenever there is one. For an order both are wrong: whoever repeats it has to know, and after
// the deadline of its context it belongs to another worker. So each write passes a gate, which is open for one
// connection of one call, until the deadline; its first write has to be in time for [order.StartBy], too; and a call that
// ends before its first write stays unwritten.
//
// What is left is the moment between the gate and the kernel's taking of the bytes. A process that is stopped there for
// longer than its lease's guard, and not killed, writes late; nothing in a process can tell.
package once
