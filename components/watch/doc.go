// Package watch knows how people see the whole of a stack: one dashboard, the two questions that alarms are gathered
// under, and what it costs.
//
//	alarms of the components ─┬► "users are affected"   wake somebody
//	                          └► "capacity"             act within the day
//	metrics ─► dashboard: what users see, the fleet, orders, and each part below
//	bill ─► budget of the stack, by its cost-center tag; anomalies of the account, where told to
//	GuardDuty ─► serious findings
//
// Every component makes its own alarms; here they are gathered, and only such as exist.
package watch
