package provider

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
	"google.golang.org/protobuf/types/known/emptypb"

	"workerfleet/stacks/graph"
	"workerfleet/stacks/policy"
)

// Check refuses unknown types, unknown property names and what AWS refuses, all at once; and it chooses the physical
// name where none is stated, keeping the one that an earlier run chose.
func (s *Server) Check(_ context.Context, req *pulumirpc.CheckRequest) (*pulumirpc.CheckResponse, error) {
	urn := resource.URN(req.GetUrn())
	form, known := s.catalogue.types[string(urn.Type())]
	if !known {
		return nil, fmt.Errorf("the simulated provider does not know the type %s of %q; it knows: %s", urn.Type(), urn.Name(), strings.Join(s.catalogue.Types(), ", "))
	}
	news, err := unmarshal(req.GetNews())
	if err != nil {
		return nil, err
	}
	olds, err := unmarshal(req.GetOlds())
	if err != nil {
		return nil, err
	}
	s.tag(form, news)
	r := describe(urn, news)
	if form.has("name") && !news.HasValue("name") && !news.HasValue("namePrefix") {
		name := graph.PhysicalName(r, seed(r))
		if old, ok := olds["name"]; ok && old.IsString() {
			name = old.StringValue()
		}
		news["name"] = resource.NewProperty(name)
		r.Inputs["name"] = name
	}
	refusals := form.unknownNames(r.Inputs, "")
	s.mu.Lock()
	for _, f := range policy.Judge(s.seen, r) {
		refusals = append(refusals, refusal{f.Property, fmt.Sprintf("property %s: AWS would say: %s (rule %s)", f.Property, f.Says, f.Rule)})
	}
	s.mu.Unlock()
	inputs, err := marshal(news)
	if err != nil {
		return nil, err
	}
	response := &pulumirpc.CheckResponse{Inputs: inputs}
	for _, r := range refusals {
		response.Failures = append(response.Failures, failure(r))
	}
	return response, nil
}

// tag adds the provider's default tags to a resource that can carry tags, under its own, as AWS's provider does: a
// changed default is a change of every such resource.
func (s *Server) tag(form *schema, inputs resource.PropertyMap) {
	tags, can := form.properties["tags"]
	s.mu.Lock()
	defer s.mu.Unlock()
	if !can || tags.each == nil || tags.list || len(s.tags) == 0 {
		return
	}
	merged := resource.PropertyMap{}
	for key, value := range s.tags {
		merged[resource.PropertyKey(key)] = resource.NewProperty(value)
	}
	if own, stated := inputs["tags"]; stated {
		if !own.IsObject() {
			return // not known yet
		}
		for key, value := range own.ObjectValue() {
			merged[key] = value
		}
	}
	inputs["tags"] = resource.NewProperty(merged)
}

// Diff compares the old inputs with the new ones: the outputs that the engine also knows would show every computed
// value as a change.
func (s *Server) Diff(_ context.Context, req *pulumirpc.DiffRequest) (*pulumirpc.DiffResponse, error) {
	urn := resource.URN(req.GetUrn())
	state, err := unmarshal(req.GetOlds())
	if err != nil {
		return nil, err
	}
	news, err := unmarshal(req.GetNews())
	if err != nil {
		return nil, err
	}
	outputs, _ := graph.Plain(state)
	outputs["id"] = req.GetId()
	r := describe(urn, news)
	r.Outputs = outputs
	s.remember(r)
	return diff(req, Replacing(string(urn.Type())))
}

// Create gives the resource its id and outputs. In a preview it gives nothing that only a real creation could tell.
func (s *Server) Create(_ context.Context, req *pulumirpc.CreateRequest) (*pulumirpc.CreateResponse, error) {
	properties, err := unmarshal(req.GetProperties())
	if err != nil {
		return nil, err
	}
	r := describe(resource.URN(req.GetUrn()), properties)
	if req.GetPreview() {
		s.remember(r)
		return &pulumirpc.CreateResponse{Properties: req.GetProperties()}, nil
	}
	id, state := s.simulate(r, properties)
	outputs, err := marshal(state)
	if err != nil {
		return nil, err
	}
	return &pulumirpc.CreateResponse{Id: id, Properties: outputs}, nil
}

// Update changes the inputs and keeps the id.
func (s *Server) Update(_ context.Context, req *pulumirpc.UpdateRequest) (*pulumirpc.UpdateResponse, error) {
	news, err := unmarshal(req.GetNews())
	if err != nil {
		return nil, err
	}
	olds, err := unmarshal(req.GetOlds())
	if err != nil {
		return nil, err
	}
	inputs, err := unmarshal(req.GetOldInputs())
	if err != nil {
		return nil, err
	}
	// What AWS gave at creation stays, in a preview too: an update hands out no new id, ARN or URL, and a preview that
	// forgot them would show everything that refers to the resource as changed.
	state := olds.Copy()
	for key := range inputs {
		delete(state, key)
	}
	for key, value := range news {
		state[key] = value
	}
	r := describe(resource.URN(req.GetUrn()), news)
	if r.Type == launchTemplate {
		countVersion(state, inputs, news)
	}
	r.Outputs, _ = graph.Plain(state)
	r.Outputs["id"] = req.GetId()
	s.remember(r)
	outputs, err := marshal(state)
	if err != nil {
		return nil, err
	}
	return &pulumirpc.UpdateResponse{Properties: outputs}, nil
}

// Read answers a refresh with what the state holds: nothing can have drifted.
func (s *Server) Read(_ context.Context, req *pulumirpc.ReadRequest) (*pulumirpc.ReadResponse, error) {
	return &pulumirpc.ReadResponse{Id: req.GetId(), Properties: req.GetProperties(), Inputs: req.GetInputs()}, nil
}

// Delete has nothing to delete.
func (s *Server) Delete(context.Context, *pulumirpc.DeleteRequest) (*emptypb.Empty, error) {
	return &emptypb.Empty{}, nil
}

// simulate creates the resource in memory and returns its id and its state: the inputs as they came, secrets marked,
// and the simulated outputs beside them.
func (s *Server) simulate(r graph.Resource, inputs resource.PropertyMap) (id string, state resource.PropertyMap) {
	id, r.Outputs = s.where().Simulate(r, seed(r))
	s.remember(r)
	state = inputs.Copy()
	for key, value := range r.Outputs {
		if _, stated := state[resource.PropertyKey(key)]; !stated && key != "id" {
			state[resource.PropertyKey(key)] = resource.NewPropertyValue(value)
		}
	}
	return id, state
}

func (s *Server) remember(r graph.Resource) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.seen.Put(r)
}

func describe(urn resource.URN, inputs resource.PropertyMap) graph.Resource {
	r := graph.Resource{URN: string(urn), Type: string(urn.Type()), Name: urn.Name(), Custom: true}
	r.Inputs, r.Secrets = graph.Plain(inputs)
	return r
}

// seed is what a resource's simulated names depend on: its URN, and the inputs that force a replacement, so that a
// replacement never has the name of what it replaces. The name itself is left out: it is chosen from the seed.
func seed(r graph.Resource) string {
	var b strings.Builder
	b.WriteString(r.URN)
	for _, property := range Replacing(r.Type) {
		if value := r.Inputs[property]; value != nil && property != "name" {
			fmt.Fprintf(&b, "|%s=%v", property, value)
		}
	}
	return b.String()
}

// diff compares old and new inputs. A value that is not known yet counts as changed, as it does for AWS's provider.
func diff(req *pulumirpc.DiffRequest, replaces []string) (*pulumirpc.DiffResponse, error) {
	olds, err := unmarshal(req.GetOldInputs())
	if err != nil {
		return nil, err
	}
	news, err := unmarshal(req.GetNews())
	if err != nil {
		return nil, err
	}
	response := &pulumirpc.DiffResponse{
		Changes: pulumirpc.DiffResponse_DIFF_NONE, HasDetailedDiff: true, DetailedDiff: map[string]*pulumirpc.PropertyDiff{},
	}
	changes := olds.Diff(news)
	if changes == nil {
		return response, nil
	}
	response.Changes = pulumirpc.DiffResponse_DIFF_SOME
	for path, kind := range detail(changes) {
		top := strings.FieldsFunc(path, func(r rune) bool { return r == '.' || r == '[' })[0]
		forces := slices.Contains(replaces, top)
		response.DetailedDiff[path] = &pulumirpc.PropertyDiff{Kind: kindOf(kind, forces), InputDiff: true}
		response.Diffs = append(response.Diffs, top)
		if forces {
			response.Replaces = append(response.Replaces, top)
		}
	}
	slices.Sort(response.Diffs)
	response.Diffs = slices.Compact(response.Diffs)
	slices.Sort(response.Replaces)
	response.Replaces = slices.Compact(response.Replaces)
	return response, nil
}
