// Command agent serves the workers of one host: it alone there reaches the store.
package main

import "workerfleet/runtime/cmd/internal/program"

func main() { program.Main("agent", serve) }
