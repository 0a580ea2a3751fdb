package registry

import (
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"workerfleet/components/alarms"
)

// tellOfFindings tells the topic of scans that found something critical or high in an image of this stack. The event is
// the one of ECR's basic scanning, which scanOnPush asks for.
func tellOfFindings(ctx *pulumi.Context, name string, topic *alarms.Topic, repositories pulumi.StringArray, opts ...pulumi.ResourceOption) error {
	text := func(values ...string) pulumi.StringArray { return pulumi.ToStringArray(values) }
	found := func(severity string) pulumi.Map {
		some := pulumi.Map{"numeric": pulumi.Array{pulumi.String(">"), pulumi.Int(0)}}
		return pulumi.Map{"finding-severity-counts": pulumi.Map{severity: pulumi.Array{some}}}
	}
	return topic.OnEvent(ctx, name, alarms.Event{
		Pattern: pulumi.Map{
			"source":      text("aws.ecr"),
			"detail-type": text("ECR Image Scan"),
			"detail": pulumi.Map{
				"scan-status":     text("COMPLETE"),
				"repository-name": repositories,
				"$or":             pulumi.Array{found("CRITICAL"), found("HIGH")},
			},
		},
		Says: "A scan of <repository>, image <digest>, found critical or high vulnerabilities. See the findings in ECR; " +
			"build the image again on a patched base and release it.",
		Values: map[string]string{"repository": "$.detail.repository-name", "digest": "$.detail.image-digest"},
	}, opts...)
}
