package main

import (
	"slices"
)

// growth is, for each figure, the median of a day's last third over the median of its second: 1 is flat. The first third
// is left out, in which caches, pools and heaps find their size. A table's figure is its rows an order.
func growth(looks []held) map[string]float64 {
	third := len(looks) / 3
	if third == 0 {
		return nil
	}
	early, late := figures(looks[third:2*third]), figures(looks[2*third:])
	ratios := map[string]float64{}
	for name, values := range early {
		if before := median(values); before != 0 && len(late[name]) > 0 {
			ratios[name] = median(late[name]) / before
		}
	}
	return ratios
}

// figures are all that were seen of each.
func figures(looks []held) map[string][]float64 {
	all := map[string][]float64{}
	add := func(name string, value float64) { all[name] = append(all[name], value) }
	for _, look := range looks {
		for name, p := range look.Programs {
			add(name+" goroutines", p.Goroutines)
			add(name+" descriptors", p.Descriptors)
			add(name+" heap", p.Heap)
			add(name+" resident", p.Resident)
		}
		add("worker resident", look.Workers.Resident)
		add("worker descriptors", look.Workers.Descriptors)
		add("store keys", float64(look.StoreKeys))
		add("store bytes", float64(look.StoreMemory))
		for table, rows := range look.Rows {
			if look.Orders > 0 {
				add(table+" rows an order", float64(rows)/float64(look.Orders))
			}
		}
	}
	return all
}

func median(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	return sorted[len(sorted)/2]
}
