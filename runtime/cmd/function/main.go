// Command function is the five functions: what one of them does is chosen by FLEET_HANDLER.
package main

import "workerfleet/runtime/cmd/internal/program"

func main() { program.Main("function", serve) }
