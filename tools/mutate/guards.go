package main

// guards are those of the claims and of the orders, in the order of the tables.
func guards() []guard { return append(claims(), orders()...) }
