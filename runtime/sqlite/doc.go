// Package sqlite knows how the platform's lasting truth is kept in one file where no PostgreSQL is installed: the same
// tables under the same contracts, for one machine. A commit is on the disk before it is answered (synchronous=FULL).
package sqlite
