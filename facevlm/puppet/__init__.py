"""A still photo made to move, with known ground truth."""
