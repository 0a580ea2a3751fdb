// Package emulator knows an ECS that is not there: a server that answers the calls of package ecs in AWS's protocols, those
// of its hosts' Auto Scaling group too, for tests and measurements of what no other stand-in has – client tokens, hosts that are full, the bucket of calls
// that change a cluster, refused, slow and lost calls.
//
// It is written from AWS's documentation of these calls. That AWS itself answers so is not shown by it.
package emulator
