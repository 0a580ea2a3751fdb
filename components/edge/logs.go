package edge

import (
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/s3"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"workerfleet/components/access"
)

// How long access and connection logs are kept: a quarter of a year is how far back an incident is looked into. What
// is overwritten or deleted can be had back for a week.
const (
	logDays      = 90
	replacedDays = 7
)

// makeLogs makes the bucket of the load balancer's logs. It is encrypted with S3's own key: Elastic Load Balancing
// writes to no other. The bucket logs no access to itself; it is the end of the line.
func (b *builder) makeLogs() error {
	name := b.child("logs")
	bucket, err := s3.NewBucketV2(b.ctx, name, &s3.BucketV2Args{
		ForceDestroy: pulumi.Bool(b.args.Protection.ForceDelete()),
	}, b.parent(), b.args.Protection.Option())
	if err != nil {
		return err
	}
	if err := b.closeBucket(name, bucket); err != nil {
		return err
	}
	if err := b.keepBucket(name, bucket); err != nil {
		return err
	}
	policy, err := s3.NewBucketPolicy(b.ctx, b.child("logs", "policy"), &s3.BucketPolicyArgs{
		Bucket: bucket.Bucket,
		Policy: access.Document{
			access.EncryptedOnly([]string{"s3:*"}, bucket.Arn),
			access.EncryptedOnly([]string{"s3:*"}, pulumi.Sprintf("%s/*", bucket.Arn)),
			{
				Sid: "LoadBalancerLogs", Principal: access.LoadBalancerLogs(), Actions: []string{"s3:PutObject"},
				Resources: []pulumi.StringInput{
					pulumi.Sprintf("%s/access/AWSLogs/%s/*", bucket.Arn, b.args.Place.Account),
					pulumi.Sprintf("%s/connections/AWSLogs/%s/*", bucket.Arn, b.args.Place.Account),
				},
			},
		}.JSON(),
	}, b.parent())
	if err != nil {
		return err
	}
	// Elastic Load Balancing tries the bucket before it takes the setting: the policy comes first.
	b.logs = policy.Bucket
	return nil
}

// closeBucket: nothing in it can be made public, and everything in it is the account's.
func (b *builder) closeBucket(name string, bucket *s3.BucketV2) error {
	yes := pulumi.Bool(true)
	if _, err := s3.NewBucketPublicAccessBlock(b.ctx, name+"-private", &s3.BucketPublicAccessBlockArgs{
		Bucket: bucket.Bucket, BlockPublicAcls: yes, BlockPublicPolicy: yes, IgnorePublicAcls: yes, RestrictPublicBuckets: yes,
	}, b.parent()); err != nil {
		return err
	}
	_, err := s3.NewBucketOwnershipControls(b.ctx, name+"-owner", &s3.BucketOwnershipControlsArgs{
		Bucket: bucket.Bucket,
		Rule:   s3.BucketOwnershipControlsRuleArgs{ObjectOwnership: pulumi.String("BucketOwnerEnforced")},
	}, b.parent())
	return err
}

// keepBucket: encrypted, with versions, and for as long as somebody may look.
func (b *builder) keepBucket(name string, bucket *s3.BucketV2) error {
	if _, err := s3.NewBucketServerSideEncryptionConfigurationV2(b.ctx, name+"-encryption", &s3.BucketServerSideEncryptionConfigurationV2Args{
		Bucket: bucket.Bucket,
		Rules: s3.BucketServerSideEncryptionConfigurationV2RuleArray{s3.BucketServerSideEncryptionConfigurationV2RuleArgs{
			ApplyServerSideEncryptionByDefault: s3.BucketServerSideEncryptionConfigurationV2RuleApplyServerSideEncryptionByDefaultArgs{
				SseAlgorithm: pulumi.String("AES256"),
			},
		}},
	}, b.parent()); err != nil {
		return err
	}
	versions, err := s3.NewBucketVersioningV2(b.ctx, name+"-versions", &s3.BucketVersioningV2Args{
		Bucket:                  bucket.Bucket,
		VersioningConfiguration: s3.BucketVersioningV2VersioningConfigurationArgs{Status: pulumi.String("Enabled")},
	}, b.parent())
	if err != nil {
		return err
	}
	_, err = s3.NewBucketLifecycleConfigurationV2(b.ctx, name+"-lifecycle", &s3.BucketLifecycleConfigurationV2Args{
		Bucket: bucket.Bucket,
		Rules: s3.BucketLifecycleConfigurationV2RuleArray{s3.BucketLifecycleConfigurationV2RuleArgs{
			Id: pulumi.String("expire"), Status: pulumi.String("Enabled"), Filter: s3.BucketLifecycleConfigurationV2RuleFilterArgs{},
			Expiration:                     s3.BucketLifecycleConfigurationV2RuleExpirationArgs{Days: pulumi.Int(logDays)},
			NoncurrentVersionExpiration:    s3.BucketLifecycleConfigurationV2RuleNoncurrentVersionExpirationArgs{NoncurrentDays: pulumi.Int(replacedDays)},
			AbortIncompleteMultipartUpload: s3.BucketLifecycleConfigurationV2RuleAbortIncompleteMultipartUploadArgs{DaysAfterInitiation: pulumi.Int(replacedDays)},
		}},
	}, b.parent(), pulumi.DependsOn([]pulumi.Resource{versions}))
	return err
}
