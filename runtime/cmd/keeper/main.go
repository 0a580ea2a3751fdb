// Command keeper makes the rounds that keep the pool true, and keeps the number of workers right.
package main

import "workerfleet/runtime/cmd/internal/program"

func main() { program.Main("keeper", serve) }
