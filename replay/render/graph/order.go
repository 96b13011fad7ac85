package graph

import (
	"cmp"
	"slices"
)

// order sorts each layer by where the neighbours in the layer before are,
// down and up again, and keeps the order with the fewest crossings.
func (l *layout) order() {
	best, bestCrossings := l.copyLayers(), l.crossings()
	index := make([]float64, len(l.items))
	for sweep := range 40 {
		for _, layer := range l.layers {
			for i, it := range layer {
				index[it] = float64(i)
			}
		}
		layerAt := func(i int) int {
			if sweep%2 == 0 {
				return i
			}
			return len(l.layers) - 1 - i
		}
		for i := 1; i < len(l.layers); i++ {
			layer := l.layers[layerAt(i)]
			key := make(map[int]float64, len(layer))
			for at, it := range layer {
				links := l.items[it].up
				if sweep%2 == 1 {
					links = l.items[it].down
				}
				key[it] = float64(at)
				if len(links) > 0 {
					sum, weight := 0.0, 0.0
					for _, k := range links {
						sum += index[k.to] * k.weight
						weight += k.weight
					}
					key[it] = sum / weight
				}
			}
			slices.SortStableFunc(layer, func(a, b int) int { return cmp.Compare(key[a], key[b]) })
			for at, it := range layer {
				index[it] = float64(at)
			}
		}
		l.swapNeighbours(index)
		if c := l.crossings(); c < bestCrossings {
			best, bestCrossings = l.copyLayers(), c
		}
	}
	l.layers = best
}

func (l *layout) copyLayers() [][]int {
	out := make([][]int, len(l.layers))
	for i := range out {
		out[i] = slices.Clone(l.layers[i])
	}
	return out
}

// swapNeighbours exchanges two items of a layer where that saves crossings.
func (l *layout) swapNeighbours(index []float64) {
	for range 3 {
		changed := false
		for _, layer := range l.layers {
			for i := 1; i < len(layer); i++ {
				a, b := layer[i-1], layer[i]
				if l.pairCrossings(b, a, index) < l.pairCrossings(a, b, index) {
					layer[i-1], layer[i] = b, a
					index[b], index[a] = float64(i-1), float64(i)
					changed = true
				}
			}
		}
		if !changed {
			return
		}
	}
}

// pairCrossings counts the crossings of a's and b's edges when a is left of b.
func (l *layout) pairCrossings(a, b int, index []float64) float64 {
	n := 0.0
	for _, dir := range [2]bool{true, false} {
		la, lb := l.items[a].up, l.items[b].up
		if !dir {
			la, lb = l.items[a].down, l.items[b].down
		}
		for _, x := range la {
			for _, y := range lb {
				if index[x.to] > index[y.to] {
					n += x.weight * y.weight
				}
			}
		}
	}
	return n
}

func (l *layout) crossings() float64 {
	index := make([]float64, len(l.items))
	for _, layer := range l.layers {
		for i, it := range layer {
			index[it] = float64(i)
		}
	}
	n := 0.0
	for _, layer := range l.layers {
		for i, a := range layer {
			for _, b := range layer[i+1:] {
				for _, x := range l.items[a].down {
					for _, y := range l.items[b].down {
						if index[x.to] > index[y.to] {
							n += x.weight * y.weight
						}
					}
				}
			}
		}
	}
	return n
}
