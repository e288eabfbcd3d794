package tool

// Size is about how many bytes of memory the result holds.
func (r *Result) Size() int {
	n := len(r.Text) + len(r.JSON) + len(r.Structured)
	if r.Table != nil {
		n += r.Table.JSONSize()
	}
	for i := range r.Content {
		n += r.Content[i].size()
	}
	for i := range r.Messages {
		n += r.Messages[i].Content.size()
	}
	for i := range r.Contents {
		n += r.Contents[i].size()
	}
	return n
}

func (c *Content) size() int {
	n := len(c.Text) + len(c.Data)
	if c.Resource != nil {
		n += c.Resource.size()
	}
	return n
}

func (c *Contents) size() int { return len(c.Text) + len(c.Blob) }
