// Package ecstest knows an ECS that is not there: a server that answers the four calls of package ecs in AWS's JSON
// protocol, for tests of what no other stand-in has – client tokens, hosts that are full, refused, slow and lost calls.
//
// It is written from AWS's documentation of these calls. That AWS itself answers so is not shown by it.
package ecstest
