// Package fleet knows the words that every part of the platform shares: users, workers, hosts, the lives of a worker
// and the epochs of a session. Nothing in it waits or calls anything.
//
// A worker is one container. It has many lives: after each session it executes itself anew and starts the next one.
// A session binds one user to one worker's life under an epoch. Epochs only rise, so the higher of two is the one that
// counts: whoever acts under a lower one is fenced.
package fleet
