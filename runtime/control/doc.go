// Package control knows what messages ask of the pool: that a user be served, that a session begin, end or begin anew, and
// that a death which AWS has seen be taken for one.
//
//	wake          stand in the queue, or finish what is bound and not delivered
//	wake   at e   finish what is bound at e, and begin nothing else
//	start  at e   a session later than e      ─┐
//	stop   at e   no session of epoch e        ├ done already where the user's session is a later one
//	restart at e  both                        ─┘
//	task-stopped  the worker has ended: the index knows, the database fences, the user is served again
//	host-lost     the same for the workers that ended on that host, which ECS is asked for
//
// A message comes at least once and may come late. What it asks for is a state of affairs and not a deed, so that doing it
// again changes nothing; the epoch says which session its sender meant.
package control
