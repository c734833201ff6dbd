"""Says what a face does: events merged, ordered in phases, and told in sentences."""
