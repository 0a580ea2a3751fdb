// Package stacks knows how a stack's configuration becomes the platform: it reads and checks the configuration
// ([Decode]), arranges the components for it ([Deploy]) and names what the stack tells the world.
//
// Configuration stops here: components are told plain values. Lookups happen here too, once, through the one explicit
// provider.
package stacks
