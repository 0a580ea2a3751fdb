// Package task knows how a process runs in a container: its definition, the two roles, and where its logs go.
//
//	execution role   what starts the container may do: pull its image, open its secrets, write its log
//	task role        what the process itself may do; none where it calls no AWS service
//
// Every container is closed the same way, and no argument opens it: a user that is not root, no capability, nothing to
// gain by a set-uid program, a root file system that nobody writes to, an init process that buries the dead.
//
// A revision that has been replaced stays usable: keepers that still run start workers of the one before, and a
// deployment that fails goes back to it.
package task
