package ecs

import "context"

// Pace is the pace of listings, for its test.
type Pace struct{ *pace }

func NewPace(perSecond int) Pace { return Pace{newPace(perSecond)} }

func (p Pace) Wait(ctx context.Context) error { return p.wait(ctx) }
