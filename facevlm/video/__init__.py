"""Pixels with time: probe, decode, sample, cut into shots, draw, encode."""
