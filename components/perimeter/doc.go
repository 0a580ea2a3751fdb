// Package perimeter knows who is who on the network: one security group for each kind of process that speaks to the
// data stores, so that a store admits processes and not address ranges.
//
//	api        the API hosts: api and keeper share their hosts' group
//	agent      the agents, each with an interface of its own; workers do not share it
//	function   the five functions
//	migrate    the one-off task that changes the schema, with an interface of its own
//
// A group says what may leave; who may come in is said by what is reached: the store names the groups that it admits.
package perimeter
