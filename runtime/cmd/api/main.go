// Command api answers users over HTTPS: it gives each of them a worker of their own.
package main

import "workerfleet/runtime/cmd/internal/program"

func main() { program.Main("api", serve) }
