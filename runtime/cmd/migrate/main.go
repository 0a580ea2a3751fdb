// Command migrate brings the database to this version, and makes the role that the other processes sign in as. It runs
// once for each deployment, before the processes of the new version do.
package main

import "workerfleet/runtime/cmd/internal/program"

func main() { program.Main("migrate", migrate) }
