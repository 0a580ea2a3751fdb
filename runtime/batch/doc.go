// Package batch sends calls together that come while others are under way, as a group commit does. A server answers sixty
// calls that come in one message in little more time than one, and who comes alone waits for nobody.
package batch
