package settings

import "strings"

// Here is the tier of a platform that runs on one machine.
const Here = "local"

// keyFile marks a credentials key that is a file of this machine.
const keyFile = "file:"

// KeyFile is the file of this machine that stands in for a key of KMS; false where KMS is meant.
func (s Sealing) KeyFile() (path string, ok bool) { return strings.CutPrefix(s.KMSKey, keyFile) }

// Launcher is the address at which this machine starts worker processes; false where an ECS cluster is meant.
func (c Cluster) Launcher() (url string, ok bool) {
	return c.Name, strings.HasPrefix(c.Name, "http://127.0.0.1:")
}

// Everything that stands in for AWS or an identity provider is for a platform on one machine: elsewhere it would lose
// data at the next deployment, or let everybody in who can read an environment.
func (a API) onlyHere() []Problem {
	return a.refuse(a.Database.standIns(), a.Sealing.standIns(), a.Identity.standIns())
}

func (k Keeper) onlyHere() []Problem {
	return k.refuse(k.Database.standIns(), k.Sealing.standIns(), k.Cluster.standIns())
}

func (f Function) onlyHere() []Problem {
	return f.refuse(f.Database.standIns(), f.Sealing.standIns(), f.Cluster.standIns())
}

func (m Migrate) onlyHere() []Problem { return m.refuse(m.Database.standIns()) }

// refuse says of each variable that stands in for something that its value is for one machine only.
func (s Stack) refuse(found ...[]string) []Problem {
	var problems []Problem
	for _, names := range found {
		for _, name := range names {
			if s.Tier != Here {
				problems = append(problems, Problem{name, "has a value for one machine only; it is allowed with " + EnvTier + "=" + Here})
			}
		}
	}
	return problems
}

func (d Database) standIns() []string {
	if _, ok := d.URL.File(); ok {
		return []string{EnvDatabaseURL}
	}
	return nil
}

func (s Sealing) standIns() []string {
	if _, ok := s.KeyFile(); ok {
		return []string{EnvKMSKey}
	}
	return nil
}

func (c Cluster) standIns() []string {
	if _, ok := c.Launcher(); ok {
		return []string{EnvCluster}
	}
	return nil
}

func (i Identity) standIns() []string {
	if i.Development != "" {
		return []string{EnvDevelopmentSecret}
	}
	return nil
}
