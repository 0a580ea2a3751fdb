// Package ecs knows how workers run as tasks of an ECS cluster: it is the [pool.Provider] of the deployed platform.
//
//	Launch ──► PROVISIONING ──► PENDING ──► RUNNING ── Stop ──► (no longer listed) STOPPING ──► STOPPED
//	           no host yet      on a host
//
// A worker is a standalone task, named by its ARN. The key of its batch is RunTask's client token, so that a repetition
// starts nothing more, and the task's startedBy, so that List can tell it. [Hosts] are the capacity provider's container
// instances: launches are kept off those that go out of service, and their Auto Scaling group grows ahead of workers.
package ecs
