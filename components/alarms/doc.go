// Package alarms knows who is told when something is wrong, and how every component says so.
//
// One topic a stack takes all alarms; people subscribe to it by e-mail or through their paging service.
//
//	metric ─► CloudWatch alarm ─┐
//	                            ├─► topic ─► e-mail, pager
//	event  ─► EventBridge rule ─┘     │ what the topic did not take, after a day of retries
//	                                  └► undelivered (queue) ─► alarm on its depth
//
// [Topic.Alarm] is the only way to make an alarm: it has somewhere to go, it says what to do, and it says what the
// absence of data means. [Topic.OnEvent] does the same for what AWS tells by event and not by number.
package alarms
