// Package iam signs processes in with what AWS gives them: credentials of the task or the function, and out of those
// tokens that Valkey and PostgreSQL take for a password. A token is good for 15 minutes and for one user of one server;
// a connection that was let in stays.
package iam
