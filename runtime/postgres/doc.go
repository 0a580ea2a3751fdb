// Package postgres knows how the platform's lasting truth is kept in PostgreSQL: who may act for a user, users'
// credentials, encrypted, and their orders.
//
// It works behind a connection proxy that shares its connections among clients: statements run in pgx's exec mode and
// use no state of a session – no SET, no sequences, no LISTEN, no advisory locks, no named statements – so that none is
// pinned to one client. Time is the database's.
package postgres
