// Package pooltest knows what every [pool.Provider] must do: one suite that ECS, local processes and the simulator run
// alike.
//
// A provider answers before the world has followed, so the suite asks until it sees what it waits for, or until the
// bench's patience is over. How many workers there should be is not its subject, nor what a worker does.
package pooltest
