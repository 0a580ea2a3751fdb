package provider

import (
	"context"
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"sync"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource/plugin"
	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
	"google.golang.org/protobuf/types/known/emptypb"
	"google.golang.org/protobuf/types/known/structpb"

	"workerfleet/stacks/graph"
)

// Server is the provider as the engine speaks to it. The engine calls it from many goroutines.
type Server struct {
	pulumirpc.UnimplementedResourceProviderServer
	catalogue *Catalogue
	// version is the SDK's, which the engine expects of the plugin.
	version string

	mu    sync.Mutex
	place graph.Place
	// tags are the provider's default tags, which every resource gets that can carry tags.
	tags map[string]string
	// seen is what this run has created or found unchanged: rules that look at two resources find the other here.
	seen *graph.Graph
}

// NewServer makes a provider that is not configured yet.
func NewServer(version string) *Server {
	return &Server{catalogue: NewCatalogue(), version: version, seen: graph.New()}
}

// Handshake says what the provider understands beyond the oldest protocol: secrets stay marked as such.
func (s *Server) Handshake(context.Context, *pulumirpc.ProviderHandshakeRequest) (*pulumirpc.ProviderHandshakeResponse, error) {
	return &pulumirpc.ProviderHandshakeResponse{AcceptSecrets: true}, nil
}

// GetPluginInfo names the version.
func (s *Server) GetPluginInfo(context.Context, *emptypb.Empty) (*pulumirpc.PluginInfo, error) {
	return &pulumirpc.PluginInfo{Version: s.version}, nil
}

// Attach is what the engine sends to a plugin that runs already.
func (s *Server) Attach(context.Context, *pulumirpc.PluginAttach) (*emptypb.Empty, error) {
	return &emptypb.Empty{}, nil
}

// Cancel has nothing to interrupt: no call waits.
func (s *Server) Cancel(context.Context, *emptypb.Empty) (*emptypb.Empty, error) {
	return &emptypb.Empty{}, nil
}

var regionForm = regexp.MustCompile(`^[a-z]{2}(-[a-z]+)+-\d$`)

// CheckConfig refuses settings that the AWS provider does not have, and a missing or malformed region.
func (s *Server) CheckConfig(_ context.Context, req *pulumirpc.CheckRequest) (*pulumirpc.CheckResponse, error) {
	settings, err := unmarshal(req.GetNews())
	if err != nil {
		return nil, err
	}
	values, _ := graph.Plain(settings)
	var failures []*pulumirpc.CheckFailure
	for name := range values {
		// Nested settings travel as JSON text, so only their own names are looked at.
		if name != "version" && !s.catalogue.settings.has(name) {
			failures = append(failures, failure(refusal{name, "the AWS provider has no such setting; allowed: " + s.catalogue.settings.names()}))
		}
	}
	if region, known := values["region"].(string); known && !regionForm.MatchString(region) || values["region"] == nil {
		failures = append(failures, failure(refusal{"region", fmt.Sprintf("Invalid AWS Region: %q; allowed: a region's name, such as ap-southeast-1", region)}))
	}
	return &pulumirpc.CheckResponse{Inputs: req.GetNews(), Failures: failures}, nil
}

// DiffConfig replaces the provider, and so everything of it, when it moves to another region; the rest is an update.
func (s *Server) DiffConfig(_ context.Context, req *pulumirpc.DiffRequest) (*pulumirpc.DiffResponse, error) {
	return diff(req, []string{"region"})
}

// Configure takes the region. Credentials and allowed accounts are of no use here: nothing is called.
func (s *Server) Configure(_ context.Context, req *pulumirpc.ConfigureRequest) (*pulumirpc.ConfigureResponse, error) {
	settings, err := unmarshal(req.GetArgs())
	if err != nil {
		return nil, err
	}
	values, _ := graph.Plain(settings)
	region, _ := values["region"].(string)
	tags, err := defaultTags(values["defaultTags"])
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	s.place, s.tags = graph.Place{Region: region, Account: graph.SimulatedAccount}, tags
	s.mu.Unlock()
	return &pulumirpc.ConfigureResponse{AcceptSecrets: true, SupportsPreview: true}, nil
}

// defaultTags reads the provider's tags for everything. Nested settings come as they are or, from some engines, as JSON.
func defaultTags(setting any) (map[string]string, error) {
	if text, isText := setting.(string); isText {
		if err := json.Unmarshal([]byte(text), &setting); err != nil {
			return nil, fmt.Errorf("defaultTags: %w", err)
		}
	}
	object, _ := setting.(map[string]any)
	stated, _ := object["tags"].(map[string]any)
	tags := make(map[string]string, len(stated))
	for name, value := range stated {
		if text, isText := value.(string); isText {
			tags[name] = text
		}
	}
	return tags, nil
}

// Invoke answers the lookups that a program may make.
func (s *Server) Invoke(_ context.Context, req *pulumirpc.InvokeRequest) (*pulumirpc.InvokeResponse, error) {
	args, err := unmarshal(req.GetArgs())
	if err != nil {
		return nil, err
	}
	values, _ := graph.Plain(args)
	answer, ok := s.where().Answer(req.GetTok(), values)
	if !ok {
		return nil, fmt.Errorf("the simulated provider has no answer to the lookup %s", req.GetTok())
	}
	result, err := marshal(resource.NewPropertyMapFromMap(answer))
	if err != nil {
		return nil, err
	}
	return &pulumirpc.InvokeResponse{Return: result}, nil
}

func (s *Server) where() graph.Place {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.place
}

// options keep unknown values and secrets what they are on their way through.
var options = plugin.MarshalOptions{KeepUnknowns: true, KeepSecrets: true, SkipNulls: true}

func unmarshal(properties *structpb.Struct) (resource.PropertyMap, error) {
	return plugin.UnmarshalProperties(properties, options)
}

func marshal(properties resource.PropertyMap) (*structpb.Struct, error) {
	return plugin.MarshalProperties(properties, options)
}

func failure(r refusal) *pulumirpc.CheckFailure {
	return &pulumirpc.CheckFailure{Property: strings.Split(r.property, ".")[0], Reason: r.reason}
}
