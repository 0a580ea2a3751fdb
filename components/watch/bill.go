package watch

import (
	"strconv"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/budgets"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/costexplorer"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/guardduty"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"workerfleet/components/alarms"
	"workerfleet/components/names"
)

const (
	// nearlySpent is the share of the budget at which people are told, in percent.
	nearlySpent = 80
	// oddUSD is the impact of an anomaly that is worth a look.
	oddUSD = 100
	// seriousFinding is where GuardDuty's high severities begin.
	seriousFinding = 7
)

// makeBudget watches what the stack costs. AWS adds up by the cost-center tag, which the account activates once as a
// cost allocation tag; without that the budget sees nothing.
func (b *builder) makeBudget() error {
	notify := func(percent float64, kind string) budgets.BudgetNotificationArgs {
		return budgets.BudgetNotificationArgs{
			ComparisonOperator: pulumi.String("GREATER_THAN"), NotificationType: pulumi.String(kind),
			Threshold: pulumi.Float64(percent), ThresholdType: pulumi.String("PERCENTAGE"),
			SubscriberSnsTopicArns: pulumi.StringArray{b.args.Topic.Arn},
		}
	}
	_, err := budgets.NewBudget(b.ctx, b.child("budget"), &budgets.BudgetArgs{
		Name: pulumi.String(b.args.Place.Stated(names.Alarm, b.child("budget"))), BudgetType: pulumi.String("COST"), TimeUnit: pulumi.String("MONTHLY"),
		LimitAmount: pulumi.String(strconv.Itoa(b.args.MonthlyBudgetUSD)), LimitUnit: pulumi.String("USD"),
		CostFilters: budgets.BudgetCostFilterArray{budgets.BudgetCostFilterArgs{
			Name: pulumi.String("TagKeyValue"), Values: pulumi.ToStringArray([]string{"user:cost-center$" + b.args.Place.Stack}),
		}},
		Notifications: budgets.BudgetNotificationArray{notify(nearlySpent, "ACTUAL"), notify(100, "ACTUAL"), notify(100, "FORECASTED")},
	}, b.parent())
	return err
}

// makeCostAnomaly watches the account's bill for what nobody planned. An account has one monitor of services: the stack
// that is told to create it does, the others adopt it by doing nothing.
func (b *builder) makeCostAnomaly() error {
	if b.args.CostAnomaly != Create {
		return nil
	}
	monitor, err := costexplorer.NewAnomalyMonitor(b.ctx, b.child("anomalies"), &costexplorer.AnomalyMonitorArgs{
		MonitorType: pulumi.String("DIMENSIONAL"), MonitorDimension: pulumi.String("SERVICE"),
	}, b.parent())
	if err != nil {
		return err
	}
	_, err = costexplorer.NewAnomalySubscription(b.ctx, b.child("anomalies", "told"), &costexplorer.AnomalySubscriptionArgs{
		Frequency: pulumi.String("IMMEDIATE"), MonitorArnLists: pulumi.StringArray{monitor.Arn},
		Subscribers: costexplorer.AnomalySubscriptionSubscriberArray{costexplorer.AnomalySubscriptionSubscriberArgs{
			Type: pulumi.String("SNS"), Address: b.args.Topic.Arn,
		}},
		ThresholdExpression: costexplorer.AnomalySubscriptionThresholdExpressionArgs{
			Dimension: costexplorer.AnomalySubscriptionThresholdExpressionDimensionArgs{
				Key: pulumi.String("ANOMALY_TOTAL_IMPACT_ABSOLUTE"), MatchOptions: pulumi.ToStringArray([]string{"GREATER_THAN_OR_EQUAL"}),
				Values: pulumi.ToStringArray([]string{strconv.Itoa(oddUSD)}),
			},
		},
	}, b.parent())
	return err
}

// makeGuardDuty makes the account's detector where told to, with the features that concern what this platform is made
// of, and tells of serious findings of it or of the one that is there.
func (b *builder) makeGuardDuty() error {
	if b.args.GuardDuty == Off {
		return nil
	}
	if b.args.GuardDuty == Create {
		detector, err := guardduty.NewDetector(b.ctx, b.child("detector"), &guardduty.DetectorArgs{
			Enable: pulumi.Bool(true), FindingPublishingFrequency: pulumi.String("FIFTEEN_MINUTES"),
		}, b.parent())
		if err != nil {
			return err
		}
		for suffix, feature := range map[string]string{
			"database": "RDS_LOGIN_EVENTS", "functions": "LAMBDA_NETWORK_LOGS", "hosts": "RUNTIME_MONITORING", "storage": "S3_DATA_EVENTS",
		} {
			args := &guardduty.DetectorFeatureArgs{DetectorId: detector.ID(), Name: pulumi.String(feature), Status: pulumi.String("ENABLED")}
			if suffix == "hosts" {
				args.AdditionalConfigurations = guardduty.DetectorFeatureAdditionalConfigurationArray{
					guardduty.DetectorFeatureAdditionalConfigurationArgs{Name: pulumi.String("EC2_AGENT_MANAGEMENT"), Status: pulumi.String("ENABLED")},
				}
			}
			if _, err := guardduty.NewDetectorFeature(b.ctx, b.child("detector", suffix), args, b.parent()); err != nil {
				return err
			}
		}
	}
	return b.args.Topic.OnEvent(b.ctx, b.child("findings"), alarms.Event{
		Pattern: pulumi.Map{
			"source": pulumi.ToStringArray([]string{"aws.guardduty"}), "detail-type": pulumi.ToStringArray([]string{"GuardDuty Finding"}),
			"detail": pulumi.Map{"severity": pulumi.Array{pulumi.Map{"numeric": pulumi.Array{pulumi.String(">="), pulumi.Int(seriousFinding)}}}},
		},
		Says:   "GuardDuty found <type> in this account: <title>. See the finding; until it is understood, treat what it names as broken into.",
		Values: map[string]string{"type": "$.detail.type", "title": "$.detail.title"},
	}, b.parent())
}
