package edge

import (
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/acm"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/route53"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// recordSeconds is how long the record that proves the domain may be remembered.
const recordSeconds = 300

// makeCertificate finds the certificate: the stated one, or one of the stack's own, which Route 53 proves and renews.
func (b *builder) makeCertificate() error {
	if b.args.CertificateARN != "" {
		b.certificate = pulumi.String(b.args.CertificateARN).ToStringOutput()
		return nil
	}
	certificate, err := acm.NewCertificate(b.ctx, b.child("certificate"), &acm.CertificateArgs{
		DomainName: pulumi.String(b.args.Domain), ValidationMethod: pulumi.String("DNS"), KeyAlgorithm: pulumi.String("EC_prime256v1"),
	}, b.parent())
	if err != nil {
		return err
	}
	b.certificate = certificate.Arn
	if b.args.HostedZone == "" {
		return nil
	}
	proof := certificate.DomainValidationOptions.Index(pulumi.Int(0))
	record, err := route53.NewRecord(b.ctx, b.child("certificate", "proof"), &route53.RecordArgs{
		ZoneId: pulumi.String(b.args.HostedZone), Name: proof.ResourceRecordName().Elem(), Type: proof.ResourceRecordType().Elem(),
		Records: pulumi.StringArray{proof.ResourceRecordValue().Elem()}, Ttl: pulumi.Int(recordSeconds), AllowOverwrite: pulumi.Bool(true),
	}, b.parent())
	if err != nil {
		return err
	}
	proven, err := acm.NewCertificateValidation(b.ctx, b.child("certificate", "proven"), &acm.CertificateValidationArgs{
		CertificateArn: certificate.Arn, ValidationRecordFqdns: pulumi.StringArray{record.Fqdn},
	}, b.parent())
	if err != nil {
		return err
	}
	b.certificate = proven.CertificateArn
	return nil
}

// makeRecords leads the domain to the load balancer, for both families of addresses: an alias answers with those that
// the load balancer has.
func (b *builder) makeRecords() error {
	if b.args.HostedZone == "" {
		return nil
	}
	for suffix, kind := range map[string]string{"v4": "A", "v6": "AAAA"} {
		if _, err := route53.NewRecord(b.ctx, b.child("record", suffix), &route53.RecordArgs{
			ZoneId: pulumi.String(b.args.HostedZone), Name: pulumi.String(b.args.Domain), Type: pulumi.String(kind),
			Aliases: route53.RecordAliasArray{route53.RecordAliasArgs{
				Name: b.balancer.DnsName, ZoneId: b.balancer.ZoneId, EvaluateTargetHealth: pulumi.Bool(true),
			}},
		}, b.parent()); err != nil {
			return err
		}
	}
	return nil
}
