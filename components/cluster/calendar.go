package cluster

import (
	"fmt"
	"time"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/autoscaling"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"workerfleet/components/names"
)

// unchanged is Auto Scaling's word for a size that a scheduled action leaves as it is.
const unchanged = -1

// Calendar raises the worker group's minimum before the market opens and lowers it after the close, on weekdays of the
// market's own time zone. Holidays are the keeper's: it starts no workers then, and hosts without any are few and cheap
// beside a market that opens without them.
type Calendar struct {
	// TimeZone is an IANA name; Open and Close are HH:MM in it, Close up to 24:00.
	TimeZone, Open, Close string
	// Lead is how long before the open, and Tail how long after the close, the hosts are kept.
	Lead, Tail time.Duration
	// Hosts is the minimum in between.
	Hosts int
}

// action is one scheduled change of the minimum.
type action struct {
	name       string
	recurrence string // cron in the calendar's time zone
	min        int
}

// actions are the two changes of a trading day.
func (c Calendar) actions(h Hosts) ([]action, error) {
	if _, err := time.LoadLocation(c.TimeZone); err != nil || c.TimeZone == "" || c.TimeZone == "Local" {
		return nil, fmt.Errorf("calendar.timeZone: %q is not allowed; allowed: an IANA name such as Asia/Singapore", c.TimeZone)
	}
	open, err := minuteOf(c.Open)
	if err != nil {
		return nil, fmt.Errorf("calendar.open: %w", err)
	}
	shut, err := minuteOf(c.Close)
	if err != nil || shut <= open {
		return nil, fmt.Errorf("calendar.close: %q is not allowed; allowed: HH:MM after the open, up to 24:00", c.Close)
	}
	if c.Hosts < h.Min || c.Hosts > h.Max {
		return nil, fmt.Errorf("calendar.hosts: %d is not allowed; allowed: workers.min to workers.max, %d to %d", c.Hosts, h.Min, h.Max)
	}
	raise, lower := open-int(c.Lead.Minutes()), shut+int(c.Tail.Minutes())
	if c.Lead < 0 || c.Tail < 0 || lower-raise >= minutesADay {
		return nil, fmt.Errorf("calendar: from %v before the open to %v after the close is not allowed; allowed: less than a day", c.Lead, c.Tail)
	}
	return []action{
		{"open", weekdays(raise), c.Hosts},
		{"close", weekdays(lower), h.Min},
	}, nil
}

const minutesADay = 24 * 60

// minuteOf is the minute of the day that HH:MM names.
func minuteOf(clock string) (int, error) {
	if clock == "24:00" {
		return minutesADay, nil
	}
	at, err := time.Parse("15:04", clock)
	if err != nil {
		return 0, fmt.Errorf("%q is not allowed; allowed: HH:MM", clock)
	}
	return at.Hour()*60 + at.Minute(), nil
}

// weekdays is the cron form of a minute counted from the midnight that begins each weekday, Monday to Friday: before
// it, or after the one that ends the day, the days move by one. Cron's Sunday is 0.
func weekdays(minute int) string {
	from, to := 1, 5
	switch {
	case minute < 0:
		minute, from, to = minute+minutesADay, from-1, to-1
	case minute >= minutesADay:
		minute, from, to = minute-minutesADay, from+1, to+1
	}
	return fmt.Sprintf("%d %d * * %d-%d", minute%60, minute/60, from, to)
}

// makeCalendar makes the scheduled actions. The desired count follows the minimum up by itself; down it is left to
// managed scaling, which retires empty hosts only.
func (b *builder) makeCalendar(group *autoscaling.Group) error {
	actions, err := b.args.Calendar.actions(b.args.Workers)
	if err != nil {
		return err
	}
	for _, a := range actions {
		name := b.child("workers", a.name)
		if _, err := autoscaling.NewSchedule(b.ctx, name, &autoscaling.ScheduleArgs{
			ScheduledActionName: pulumi.String(a.name), AutoscalingGroupName: group.Name,
			Recurrence: pulumi.String(a.recurrence), TimeZone: pulumi.String(b.args.Calendar.TimeZone),
			MinSize: pulumi.Int(a.min), MaxSize: pulumi.Int(b.args.Workers.Max), DesiredCapacity: pulumi.Int(unchanged),
		}, b.parent()); err != nil {
			return fmt.Errorf("%s: %w", names.Join(name), err)
		}
	}
	return nil
}
