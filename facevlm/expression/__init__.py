"""What a face does: signals per frame, actions as timed events."""
