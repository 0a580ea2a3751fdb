// Package witness knows what AWS itself saw: the second signal of a death.
//
// An agent notices within milliseconds that a worker's process has ended, and the cache within a lease that a host has
// gone silent. AWS sees the same from outside – a task stopped, a container instance that lost its agent, an instance
// that ends – and says so by event. Each becomes one message of the queue worker-control:
//
//	ECS task of the worker's family stopped     ─┐
//	container instance of the cluster changed   ─┼─► rule ─► queue, one group ─► the control function
//	EC2 instance ends                           ─┘
//
// The events of one group come in order, but several may tell of one death: whoever reads them confirms, and decides
// nothing by their number.
package witness
