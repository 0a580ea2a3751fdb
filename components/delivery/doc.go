// Package delivery knows who may release: workflows of one repository, on stated branches, without a stored key.
//
//	workflow on main ─token of GitHub─► identity provider of the account ─► release role
//	                                                                          ├ push images to this stack's repositories
//	                                                                          └ give its services and functions new ones
//
// A release changes images and code. It can make, change or delete nothing else: what is infrastructure is changed by
// people under a role of their own. The identity provider exists once in an account; one stack creates it, others adopt
// it.
package delivery
