// Package emulator plays Lambda's part on one machine: it starts a function's program as it ships, hands it events by the
// documented runtime API, and feeds it from queues and by the clock.
//
//	Mapping  ─┐                    ┌► environment 1: process ─ GET  /2018-06-01/runtime/invocation/next
//	          ├─ Invoke ► Function ┤                         ─ POST …/invocation/ID/response, …/ID/error
//	Schedule ─┘                    └► environment 2 …        ─ POST …/runtime/init/error
//
// An environment is a process that does one event at a time. It is started when an event finds none idle, up to the
// function's concurrency; it is kept, and ends when it fails to answer in the function's time. Not played: the processor
// share that goes with a function's memory, frozen processes, extensions, streamed answers.
package emulator
