package pool

import (
	"fmt"
	"strings"
	"time"

	"workerfleet/runtime/fleet"
)

// Action is one thing to do: a [Launch], [Stop], [ScaleHosts] or [RemoveHosts], or a [Wait], which is nothing to do and
// why. Its text is for people; whoever carries it out switches on its type.
type Action interface {
	fmt.Stringer
	action()
}

// Launch is one call to [Provider.Launch].
type Launch struct {
	// Count is 1 to [BatchLimit].
	Count int
	Image int64
	// Canary says that the image is not proven yet.
	Canary bool
	Reason string
}

// Stop ends idle workers of one image on one host, one call to [Provider.Stop] each.
//
// Between the snapshot and the stop a user may have claimed one: whoever carries it out first takes an idle worker out
// of the index, so that nobody can claim it, and leaves alone what is not idle any more.
type Stop struct {
	Host   fleet.Host
	Image  int64
	Count  int
	Reason string
}

// ScaleHosts raises the number of hosts of a type to Hosts: see [HostGroup.Grow]. Who carries it out notes the
// difference as [Group.Coming], unless it is refused.
type ScaleHosts struct {
	Type   HostType
	Hosts  int
	Reason string
}

// RemoveHosts says which empty hosts are not needed any more. A provider's own scaling ends them, see [HostGroup]; whoever has
// none notes them as leaving first, so that no worker is launched onto them.
type RemoveHosts struct {
	Hosts  []fleet.Host
	Reason string
}

// Purpose is what a [Wait] puts off.
type Purpose string

// The purposes.
const (
	ForLaunches Purpose = "launches"
	ForStops    Purpose = "stops"
	ForHosts    Purpose = "hosts"
	ForEmpty    Purpose = "empty hosts"
)

// Wait is something wanted that is not done now.
type Wait struct {
	For Purpose
	// Count is how many of them are put off.
	Count int
	// Until is when a pause ends; zero where something else has to change.
	Until  time.Time
	Reason string
}

func (Launch) action()      {}
func (Stop) action()        {}
func (ScaleHosts) action()  {}
func (RemoveHosts) action() {}
func (Wait) action()        {}

func (a Launch) String() string {
	image := fmt.Sprintf("image %d", a.Image)
	if a.Canary {
		image += " (canary)"
	}
	return fmt.Sprintf("launch %d of %s: %s", a.Count, image, a.Reason)
}

func (a Stop) String() string {
	return fmt.Sprintf("stop %d idle of image %d on %s: %s", a.Count, a.Image, a.Host, a.Reason)
}

func (a ScaleHosts) String() string {
	return fmt.Sprintf("scale %s hosts to %d: %s", a.Type, a.Hosts, a.Reason)
}

func (a RemoveHosts) String() string {
	names := make([]string, len(a.Hosts))
	for i, h := range a.Hosts {
		names[i] = string(h)
	}
	return fmt.Sprintf("remove %s: %s", strings.Join(names, ", "), a.Reason)
}

func (a Wait) String() string {
	until := ""
	if !a.Until.IsZero() {
		until = " until " + a.Until.Format(time.TimeOnly)
	}
	return fmt.Sprintf("wait with %s (%d)%s: %s", a.For, a.Count, until, a.Reason)
}
