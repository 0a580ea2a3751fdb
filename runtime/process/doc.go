// Package process knows how workers run as processes of one machine: it is the [pool.Provider] of the local platform.
//
//	Launch ──► fork on a thread of its own ──► running ── Stop: SIGTERM, after a grace SIGKILL ──► ended
//	                                              └── ends by itself ────────────────────────────► ended
//
// Each worker is a process group with a directory of its own; both go with it. No worker survives the provider's
// process, however that ends: the kernel ends them with the thread that started them. The hosts are given – agents
// that listen on sockets of this machine – so it is no [pool.HostGroup].
//
// The package is for Linux.
package process
