package stacks

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"workerfleet/components/place"
	"workerfleet/components/registry"
	"workerfleet/components/task"
)

// What a build leaves beside the program: make build writes the functions' code, a release the images' digests.
const (
	distFolder = "dist"
	imagesFile = "images.json"
)

// unreleased is the tag of an image that a preview shows and that nobody has pushed.
const unreleased = "unreleased"

// artifacts are what the stack runs: code and images, as far as they have been built.
type artifacts struct {
	// images are references by process, of the release and of the stack file, which wins.
	images map[string]string
	// function is the path of the functions' zip; empty when there is none.
	function string
}

// findArtifacts looks for what a build has left, and lists what is missing.
func findArtifacts(cfg Config) (artifacts, Problems, error) {
	found := artifacts{images: map[string]string{}}
	var missing Problems
	path := filepath.Join(distFolder, imagesFile)
	switch content, err := os.ReadFile(path); {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return found, nil, err
	default:
		if err := json.Unmarshal(content, &found.images); err != nil {
			return found, nil, fmt.Errorf("%s: %w", path, err)
		}
	}
	for process, reference := range cfg.Images {
		found.images[process] = reference
	}
	for _, process := range imageProcesses() {
		if found.images[process] == "" {
			missing.add("images."+process, "is not stated and not in %s; allowed: a reference by digest", path)
		}
	}
	zip := filepath.Join(distFolder, "function-"+goArchitecture(cfg.Architecture)+".zip")
	if _, err := os.Stat(zip); err == nil {
		found.function = zip
	} else {
		missing.add(zip, "is not there; allowed: the zip that make build writes")
	}
	return found, missing, nil
}

// goArchitecture is Go's word for an architecture.
func goArchitecture(architecture string) string {
	if architecture == "x86_64" {
		return "amd64"
	}
	return architecture
}

// code is the functions' code. Where none was built – a preview, a simulation – a stand-in is shown, which would end at
// once if it ever ran.
func (a artifacts) code() pulumi.Archive {
	if a.function != "" {
		return pulumi.NewFileArchive(a.function)
	}
	return pulumi.NewAssetArchive(map[string]any{"bootstrap": pulumi.NewStringAsset("#!/bin/sh\nexit 1\n")})
}

// image is what a process runs, and the repository that it may be pulled from.
func (a artifacts) image(process string, images *registry.Registry) task.Image {
	reference := a.images[process]
	if reference == "" {
		return task.Image{Reference: pulumi.Sprintf("%s:%s", images.URLs[process], unreleased), Repository: images.ARNs[process]}
	}
	image := task.Image{Reference: pulumi.String(reference)}
	if arn := repositoryOf(reference); arn != "" {
		image.Repository = pulumi.String(arn)
	}
	return image
}

// repositoryOf is the ARN of the ECR repository that a reference names, or "" for another registry's image:
// 111122223333.dkr.ecr.eu-west-1.amazonaws.com/fleet/api@sha256:….
func repositoryOf(reference string) string {
	host, rest, _ := strings.Cut(reference, "/")
	parts := strings.Split(host, ".")
	if len(parts) != 6 || parts[1] != "dkr" || parts[2] != "ecr" {
		return ""
	}
	repository, _, _ := strings.Cut(rest, "@")
	if colon := strings.LastIndexByte(repository, ':'); colon >= 0 {
		repository = repository[:colon]
	}
	return place.Place{Account: parts[0], Region: parts[3]}.ARN("ecr", "repository/"+repository)
}
