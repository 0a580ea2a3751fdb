// Package edge knows how users and webhooks come in.
//
//	internet ─443─► web ACL ─► load balancer ─HTTPS─► api tasks, on the ports that their hosts give them
//	          80 ─► redirect        │
//	                                └► access and connection logs ─► bucket, 90 days
//
// TLS ends at the load balancer and begins anew behind it. Its certificate is the stack's own where a hosted zone is
// stated, which proves the domain; else one that is stated. The web ACL is registered by its type token and a small form
// of our own, because its package takes minutes to compile: docs/decisions/web-acl.md.
package edge
