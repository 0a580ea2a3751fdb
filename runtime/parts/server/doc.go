// Package server knows how to run the real servers of this machine for a while: as child processes on a unix socket or a
// loopback port, in a folder of their own, which end with the process that started them.
//
// Tests and the local platform use it. It starts what package parts has found and downloads nothing.
package server
