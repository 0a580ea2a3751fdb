package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"time"

	"workerfleet/runtime/fleet"
	"workerfleet/runtime/settings"
)

// release is one version of the programs.
type release struct {
	name string
	bin  string // folder of its programs
	// image is the revision of the task definition that its keepers launch workers by.
	image int64
	// known are the variables that each of its programs knows; nil: all that there are.
	known *sync.Map
}

// What releases are called.
const (
	former  = "former"
	current = "current"
)

// first is the release that runs at the start: the former one where there is one.
func (o *options) first() release {
	if o.former == "" {
		return o.latest()
	}
	return release{name: former, bin: o.former, image: 1, known: &sync.Map{}}
}

// latest is the release that this program is of.
func (o *options) latest() release {
	r := release{name: current, bin: o.bin, image: 1}
	if o.former != "" {
		r.image = 2
	}
	return r
}

func (r release) path(kind string) string { return filepath.Join(r.bin, kind) }
func (r release) taskDefinition() string  { return "worker:" + strconv.FormatInt(r.image, 10) }

// environment is what a program of the release is given: of the variables that this release writes those that its own
// stack would have written, too. A program refuses the others, and has each name that it knows as a text in it.
func (r release) environment(kind string, variables []settings.Variable) ([]string, error) {
	var all []string
	for _, v := range variables {
		if known, err := r.knows(kind, v.Name); err != nil {
			return nil, err
		} else if known {
			all = append(all, v.Name+"="+v.Value)
		}
	}
	return all, nil
}

func (r release) knows(kind, name string) (bool, error) {
	if r.known == nil {
		return true, nil
	}
	key := kind + " " + name
	if known, looked := r.known.Load(key); looked {
		return known.(bool), nil
	}
	program, err := os.ReadFile(r.path(kind))
	if err != nil {
		return false, fmt.Errorf("look for %s: %w", name, err)
	}
	known := bytes.Contains(program, []byte(`"`+name+`"`)) || bytes.Contains(program, []byte(`"`+name+`,`))
	r.known.Store(key, known)
	return known, nil
}

// images are the workers' programs by the image that they are launched as.
func (p *platform) images() map[int64]string {
	all := map[int64]string{}
	for _, r := range []release{p.begun, p.latest()} {
		all[r.image] = r.path("worker")
	}
	return all
}

// imaged is the release of an image.
func (p *platform) imaged(image int64) release {
	if image == p.begun.image {
		return p.begun
	}
	return p.latest()
}

// timeline is what ran when.
type timeline []struct {
	at   time.Time
	what string
}

func (t *timeline) add(at time.Time, what string) {
	*t = append(*t, struct {
		at   time.Time
		what string
	}{at, what})
}

// when says what ran at a time: what began last before it.
func (t timeline) when(at time.Time) (what string) {
	for _, turn := range t {
		if turn.at.After(at) {
			break
		}
		what = turn.what
	}
	return what
}

// at is the release of a program at a time.
func (g *program) at(at time.Time) string {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.turns.when(at)
}

// crew is who was launched: on which host, and of which release.
type crew struct {
	mu  sync.Mutex
	all map[fleet.Worker]member
}

type member struct {
	host    fleet.Host
	release string
}

func (c *crew) note(worker fleet.Worker, m member) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.all[worker] = m
}

func (c *crew) of(worker fleet.Worker) member {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.all[worker]
}
