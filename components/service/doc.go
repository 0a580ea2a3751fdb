// Package service knows how tasks are kept running.
//
//	Service   a number of tasks on a capacity provider, behind the load balancer or not, that may grow with its load
//	Daemon    one task on every host that carries an attribute
//
// Both roll: a deployment whose tasks do not start goes back by itself, and people are told. A service also goes back
// when the alarms that it is given sound while it is being deployed.
package service
