package database

import (
	"context"
	"strings"
	"sync"
	"time"
)

// maxSchemaTexts is how many answers are remembered per schema.
const maxSchemaTexts = 16

// schemaCache keeps the catalogue of one connection.
type schemaCache struct {
	loading flights[int, *cachedSchema] // by epoch

	mu     sync.Mutex // guards what follows
	cached *cachedSchema
	epoch  int // counts drops, so that a load begun before one is not kept
}

// get returns the cached schema or loads it, once for all who ask meanwhile.
func (s *schemaCache) get(ctx context.Context, now func() time.Time, load func(context.Context) (*Schema, error)) (*cachedSchema, error) {
	cached, epoch := s.fresh(now())
	if cached != nil {
		return cached, nil
	}
	return s.loading.do(ctx, epoch, QueryTimeout, func(ctx context.Context) (*cachedSchema, error) {
		schema, err := load(ctx)
		if err != nil {
			return nil, err
		}
		c := &cachedSchema{schema: schema, read: now()}
		s.keep(c, epoch)
		return c, nil
	})
}

func (s *schemaCache) fresh(now time.Time) (*cachedSchema, int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.cached != nil && now.Sub(s.cached.read) >= CatalogueLife {
		s.cached = nil
	}
	return s.cached, s.epoch
}

func (s *schemaCache) keep(c *cachedSchema, epoch int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.epoch == epoch {
		s.cached = c
	}
}

func (s *schemaCache) drop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.cached = nil
	s.epoch++
}

// cachedSchema is a catalogue and the answers already rendered from it:
// rendering a large schema costs more than everything else in a cached call.
type cachedSchema struct {
	schema *Schema
	read   time.Time

	mu    sync.Mutex
	texts map[string]*SchemaText
}

func (c *cachedSchema) describe(q SchemaQuery) (*SchemaText, error) {
	key := strings.Join(append([]string{q.Detail, q.Search}, q.Tables...), "\x00")
	c.mu.Lock()
	text := c.texts[key]
	c.mu.Unlock()
	if text != nil {
		return text, nil
	}
	text, err := Describe(c.schema, q)
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.texts == nil || len(c.texts) >= maxSchemaTexts {
		c.texts = map[string]*SchemaText{}
	}
	c.texts[key] = text
	return text, nil
}
