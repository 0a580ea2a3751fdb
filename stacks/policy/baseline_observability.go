package policy

func observabilityBaseline() []Rule {
	return []Rule{
		{Row: 165, Title: "logs are under a key of ours", Types: of(logGroupType), Refs: refs("CKV_AWS_158; AWS-0017"), Check: stated("kmsKeyId")},
		{Row: 166, Title: "logs are kept for a time that somebody chose", Types: of(logGroupType), Refs: refs("CKV_AWS_66; CKV_AWS_338"), Check: least("retentionInDays", 1)},
		{Row: 167, Title: "an alarm tells somebody, and says what silence means", Types: of(alarmType), Refs: refs("CKV_AWS_319"), Check: every(be("actionsEnabled", nil, true), some("alarmActions"), stated("treatMissingData"))},
		{Row: 174, Title: "threats are looked for, in databases, buckets, functions and containers too", Types: of(detectorType), Refs: refs("SH GuardDuty.1; SH GuardDuty.6; SH GuardDuty.9; SH GuardDuty.10; SH GuardDuty.11; SH GuardDuty.12; SH GuardDuty.13; CKV_AWS_238"), Check: every(be("enable", nil, true), checkDetector)},
	}
}
