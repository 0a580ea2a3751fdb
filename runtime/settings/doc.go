// Package settings knows which environment variables each process of the platform reads.
//
// One struct a process ([API], [Keeper], [Agent], [Worker], [Function], [Migrate], and [Operator] of the fleet tool),
// composed of groups that several of them share. The Pulumi program writes the variables, the processes read them, and one definition serves both:
//
//	stacks:    struct ─ Write ─► []Variable ─► container or function environment
//	process:   os.Getenv, os.Environ ─ Read ─► struct, or every problem at once
//
// A process reads only what it needs: a worker knows its agent's socket and its broker, and no address of Valkey, the
// database or a queue.
//
// A field's tag is its whole contract: `env:"NAME"` is required, `env:"NAME,optional"` may be absent and is then zero,
// and `default:"…"` stands in where the variable is absent. An empty variable is an absent one, and a zero field is
// written as one. Fields whose values have rules have types that know them; rules between fields stand beside the group
// that they concern.
//
// No error repeats a value: a secret may stand in the wrong variable.
package settings
