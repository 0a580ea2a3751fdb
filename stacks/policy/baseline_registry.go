package policy

const (
	repositoryType       = "aws:ecr/repository:Repository"
	lifecycleType        = "aws:ecr/lifecyclePolicy:LifecyclePolicy"
	repositoryPolicyType = "aws:ecr/repositoryPolicy:RepositoryPolicy"
)

func registryBaseline(asked Asked) []Rule {
	repository := of(repositoryType)
	return []Rule{
		{Row: 68, Title: "an image is scanned when it arrives", Types: repository, Refs: refs("SH ECR.1; CKV_AWS_163; AWS-0030"), Check: be("imageScanningConfiguration.scanOnPush", true)},
		{Row: 69, Title: "a tag means one image for ever", Types: repository, Refs: refs("SH ECR.2; CKV_AWS_51; AWS-0031"), Check: be("imageTagMutability", "IMMUTABLE")},
		{Row: 70, Title: "old images are cleared away", Types: repository, Refs: refs("SH ECR.3"), Check: pointedAt(lifecycleType, "repository", nil)},
		{Row: 71, Title: "images are encrypted with a key of ours", Types: repository, Refs: refs("CKV_AWS_136; AWS-0033"),
			Check: every(some("encryptionConfigurations"), be("encryptionConfigurations.*.encryptionType", "KMS"), stated("encryptionConfigurations.*.kmsKey"))},
		{Row: 72, Title: "a repository is not open to everyone", Types: of(repositoryPolicyType), Refs: refs("CKV_AWS_32; AwsSolutions-ECR1; AWS-0032"), Check: allowed("policy", openToAll)},
		{Row: 73, Title: "a repository does not go while it holds images", Types: repository, Off: unless(asked.Users >= 10_000, "binds "+fromTenThousandUsers), Refs: refs("house"), Check: be("forceDelete", nil, false)},
	}
}
