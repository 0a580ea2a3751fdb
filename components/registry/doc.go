// Package registry knows where the container images lie: one ECR repository for each process.
//
// A tag, once pushed, never changes its image, so that what was tested is what runs. Images are scanned when they are
// pushed, the alarm topic is told of serious findings, and old images expire by count: ten
// weeks of releases stay.
package registry
