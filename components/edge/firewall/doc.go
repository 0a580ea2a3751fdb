// Package firewall knows the form of a web ACL: as much of it as this platform states, under the names that AWS's provider
// has for it.
//
// The provider's own package for it compiles for minutes (docs/decisions/web-acl.md); what is registered is the same
// resource. Every form says its type token, and names no property that the provider does not have: a test holds it to
// the source of the provider's package, which it reads as text.
package firewall
