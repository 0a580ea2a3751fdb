package emulator

import (
	"encoding/xml"
	"net/http"
	"net/url"
	"slices"
	"strconv"
)

// Host is a container instance and the EC2 instance under it.
type Host struct {
	ARN, Instance string
	// Status is the container instance's, ACTIVE or DRAINING; Lifecycle the instance's, InService or Terminating:Wait.
	Status, Lifecycle string
	// Version is that of the launch template which it was started from.
	Version string
	// Attributes are those that it has beside the role.
	Attributes []string
}

// Group is the Auto Scaling group behind the capacity provider: its number, and the version that it starts hosts from now.
type Group struct {
	Desired, Max int
	Version      string
	// Busy refuses the next change: another one is under way.
	Busy bool
}

// GroupName is the group's.
const GroupName = "workers-group"

// Hosts sets the hosts that are there.
func (s *Server) Hosts(hosts ...Host) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.hosts = hosts
}

// Host is one of them, as it is now.
func (s *Server) Host(arn string) (Host, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	i := slices.IndexFunc(s.hosts, func(h Host) bool { return h.ARN == arn })
	if i < 0 {
		return Host{}, false
	}
	return s.hosts[i], true
}

// Group changes the group and returns it as it was before.
func (s *Server) Group(change func(*Group)) Group {
	s.mu.Lock()
	defer s.mu.Unlock()
	was := s.group
	change(&s.group)
	return was
}

func (s *Server) listHosts(map[string]any) (any, *refusal) {
	arns := []string{}
	for _, h := range s.hosts {
		arns = append(arns, h.ARN)
	}
	return map[string]any{"containerInstanceArns": arns}, nil
}

func (s *Server) describeHosts(input map[string]any) (any, *refusal) {
	asked, _ := input["containerInstances"].([]any) // absent is none, which finds none
	found := []map[string]any{}
	for _, h := range s.hosts {
		if !slices.Contains(asked, any(h.ARN)) {
			continue
		}
		attributes := []map[string]string{{"name": "fleet.role", "value": "worker"}}
		for _, name := range h.Attributes {
			attributes = append(attributes, map[string]string{"name": name})
		}
		found = append(found, map[string]any{"containerInstanceArn": h.ARN, "ec2InstanceId": h.Instance, "status": h.Status, "attributes": attributes})
	}
	return map[string]any{"containerInstances": found, "failures": []any{}}, nil
}

// attribute finds the host and the name that a call puts or deletes.
func (s *Server) attribute(input map[string]any, change func(h *Host, name string)) (any, *refusal) {
	list, _ := input["attributes"].([]any) // absent is none
	for _, item := range list {
		attribute, _ := item.(map[string]any) // anything else has no target
		i := slices.IndexFunc(s.hosts, func(h Host) bool { return h.ARN == text(attribute, "targetId") })
		if i < 0 {
			return nil, &refusal{Code: "TargetNotFoundException", Message: "the target was not found"}
		}
		change(&s.hosts[i], text(attribute, "name"))
	}
	return map[string]any{"attributes": list}, nil
}

func (s *Server) putAttributes(input map[string]any) (any, *refusal) {
	return s.attribute(input, func(h *Host, name string) {
		if !slices.Contains(h.Attributes, name) {
			h.Attributes = append(slices.Clone(h.Attributes), name)
		}
	})
}

func (s *Server) deleteAttributes(input map[string]any) (any, *refusal) {
	return s.attribute(input, func(h *Host, name string) {
		h.Attributes = slices.DeleteFunc(slices.Clone(h.Attributes), func(have string) bool { return have == name })
	})
}

func (s *Server) describeProviders(map[string]any) (any, *refusal) {
	arn := "arn:aws:autoscaling:" + Region + ":111122223333:autoScalingGroup:1:autoScalingGroupName/" + GroupName
	return map[string]any{"capacityProviders": []any{map[string]any{"autoScalingGroupProvider": map[string]string{"autoScalingGroupArn": arn}}}}, nil
}

// What Auto Scaling writes, in its own protocol.
type (
	templateXML struct {
		ID      string `xml:"LaunchTemplateId"`
		Version string `xml:"Version"`
	}
	instanceXML struct {
		ID        string      `xml:"InstanceId"`
		Lifecycle string      `xml:"LifecycleState"`
		Template  templateXML `xml:"LaunchTemplate"`
	}
	groupXML struct {
		Name      string        `xml:"AutoScalingGroupName"`
		Desired   int           `xml:"DesiredCapacity"`
		Max       int           `xml:"MaxSize"`
		Template  templateXML   `xml:"MixedInstancesPolicy>LaunchTemplate>LaunchTemplateSpecification"`
		Instances []instanceXML `xml:"Instances>member"`
	}
	groupsXML struct {
		XMLName xml.Name   `xml:"DescribeAutoScalingGroupsResponse"`
		Groups  []groupXML `xml:"DescribeAutoScalingGroupsResult>AutoScalingGroups>member"`
	}
	setXML struct {
		XMLName xml.Name `xml:"SetDesiredCapacityResponse"`
	}
	errorXML struct {
		XMLName xml.Name `xml:"ErrorResponse"`
		Type    string   `xml:"Error>Type"`
		Code    string   `xml:"Error>Code"`
		Message string   `xml:"Error>Message"`
	}
)

// scale answers one call of Auto Scaling.
func (s *Server) scale(w http.ResponseWriter, form url.Values) {
	s.mu.Lock()
	status, answer := s.scaled(form)
	s.mu.Unlock()
	w.Header().Set("Content-Type", "text/xml")
	w.WriteHeader(status)
	_ = xml.NewEncoder(w).Encode(answer) // who went away needs no answer
}

func (s *Server) scaled(form url.Values) (int, any) {
	s.calls = append(s.calls, Call{Operation: form.Get("Action"), Input: map[string]any{"desired": form.Get("DesiredCapacity")}})
	refuse := func(code, message string) (int, any) {
		return http.StatusBadRequest, errorXML{Type: "Sender", Code: code, Message: message}
	}
	switch form.Get("Action") {
	case "DescribeAutoScalingGroups":
		if form.Get("AutoScalingGroupNames.member.1") != GroupName {
			return http.StatusOK, groupsXML{}
		}
		g := groupXML{Name: GroupName, Desired: s.group.Desired, Max: s.group.Max, Template: templateXML{"lt-1", s.group.Version}}
		for _, h := range s.hosts {
			g.Instances = append(g.Instances, instanceXML{h.Instance, h.Lifecycle, templateXML{"lt-1", h.Version}})
		}
		return http.StatusOK, groupsXML{Groups: []groupXML{g}}
	case "SetDesiredCapacity":
		n, err := strconv.Atoi(form.Get("DesiredCapacity"))
		switch {
		case s.group.Busy:
			return refuse("ScalingActivityInProgress", "a scaling activity is in progress")
		case err != nil || n > s.group.Max:
			return refuse("ValidationError", "the new value is above the maximum")
		}
		s.group.Desired = n
		return http.StatusOK, setXML{}
	}
	return refuse("InvalidAction", form.Get("Action"))
}
