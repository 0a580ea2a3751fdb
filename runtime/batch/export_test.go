package batch

// Waiting is how many calls wait for a lane.
func Waiting[In, Out any](c *Calls[In, Out]) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.waiting)
}
