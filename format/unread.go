package format

import "slices"

// Unread returns what the files of the capture hold that this program does not read:
// the names of columns that another program added, of nested ones the innermost, and
// the keys of its metadata, each once, in the order of the files. What stands in them
// is not looked at, and a capture that is written anew has none of it.
func (r *Reader) Unread() (columns, keys []string) {
	add := func(list *[]string, name string) {
		if !slices.Contains(*list, name) {
			*list = append(*list, name)
		}
	}
	for _, p := range r.parts {
		if p.pq == nil {
			continue
		}
		table := columnsOf(p.pq.version)
		for _, node := range p.pq.foot.Schema[min(1, len(p.pq.foot.Schema)):] {
			if !slices.ContainsFunc(table, func(c eventColumn) bool { return c.Name == node.Name }) {
				add(&columns, node.Name)
			}
		}
		for _, pair := range p.pq.foot.Meta {
			if _, ours := metaFields[pair.Key]; !ours && pair.Key != checkKey {
				add(&keys, pair.Key)
			}
		}
	}
	return columns, keys
}
