// Package parts knows where this machine keeps the real programs that tests and the local platform run: servers, a
// browser, a C compiler.
//
// What is absent is left out and named, never pretended: [Find] says where a part is, package partstest skips the tests
// that need an absent one, and the report command lists at the end of a run what was left out. The variable
// WORKERFLEET_REQUIRE turns absence into failure.
package parts
